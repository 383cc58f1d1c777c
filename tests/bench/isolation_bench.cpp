// What a task in a child process costs, beside a bare socket between two processes in the same run.
// Prints lines `bench NAME VALUE UNIT`. The bare round trip and the call are measured in turns, so
// that a busy machine harms both.
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "tests/bench/mirror_plugin.hpp"

namespace {

using namespace skep;
using namespace skep::bench;

constexpr std::size_t kBytes = 1024;

/// A process that sends back what it gets, over the same kind of socket as a child's.
class BareEcho {
 public:
  BareEcho() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) die("socketpair");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      serve(ends[1]);
    }
    ::close(ends[1]);
    fd_ = ends[0];
  }
  BareEcho(const BareEcho&) = delete;
  BareEcho& operator=(const BareEcho&) = delete;
  ~BareEcho() {
    ::close(fd_);
    ::waitpid(pid_, nullptr, 0);
  }
  void round_trip() {
    char bytes[kBytes] = {};
    if (::send(fd_, bytes, kBytes, 0) < 0 || ::recv(fd_, bytes, kBytes, 0) != kBytes) die("echo");
  }

 private:
  [[noreturn]] static void serve(int fd) {
    char bytes[kBytes];
    for (;;) {
      const auto n = ::recv(fd, bytes, kBytes, 0);
      if (n <= 0) ::_exit(0);
      if (::send(fd, bytes, static_cast<std::size_t>(n), 0) < 0) ::_exit(1);
    }
  }
  int fd_ = -1;
  pid_t pid_ = -1;
};

void warm_calls(const plugin::ChildPlugin& plugin, BareEcho& bare) {
  const auto group = checked(plugin::ChildGroup::start(plugin));
  const auto target = group->task_target();
  const std::string request = request_of(kBytes);
  std::vector<double> calls, trips;
  constexpr int kTurns = 200, kInTurn = 50;
  for (int turn = 0; turn < kTurns; ++turn) {
    for (int i = 0; i < kInTurn; ++i) trips.push_back(micros([&] { bare.round_trip(); }));
    for (int i = 0; i < kInTurn; ++i) calls.push_back(micros([&] { run_task(*target, request); }));
  }
  report("bare_round_trip_1k", std::move(trips));
  report("child_call_1k", std::move(calls));
}

void fresh_children(plugin::ChildPlugin plugin) {
  plugin.per_task = true;
  const auto group = checked(plugin::ChildGroup::start(plugin));
  const auto target = group->task_target();
  std::vector<double> samples;
  constexpr int kTasks = 100;
  for (int i = 0; i < kTasks; ++i)
    samples.push_back(micros([&] { run_task(*target, R"({"params":{}})"); }));
  report("per_task_call", std::move(samples));
}

}  // namespace

int main() {
  auto bare = std::make_unique<BareEcho>();  // forked before there are threads
  const test::TempDir dir;
  const auto area = checked(plugin::StagingArea::open(dir.file("staging")));
  const auto plugin = mirror_plugin(area, dir);
  warm_calls(plugin, *bare);
  // Gone before: a child of our own would look like an orphan, which a group searches for.
  bare.reset();
  fresh_children(plugin);
}
