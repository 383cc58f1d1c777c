// What a task in a child process costs, beside a bare socket between two processes in the same run.
// Prints lines `bench NAME VALUE UNIT`. The bare round trip and the call are measured in turns, so
// that a busy machine harms both.
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/isolation/child_group.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

using namespace skep;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBytes = 1024;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "isolation_bench: %s\n", what.c_str());
  std::exit(1);
}

double micros(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

void report(const std::string& name, std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const auto at = [&](std::size_t percent) { return samples[samples.size() * percent / 100]; };
  std::printf("bench %s_p50 %.1f us\nbench %s_p99 %.1f us\n", name.c_str(), at(50), name.c_str(),
              at(99));
}

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

plugin::ChildPlugin mirror_plugin(const plugin::StagingArea& area, const test::TempDir& dir) {
  const auto file = area.stage(SKEP_BUILD_DIR "/lib/skep/test-plugins/bench/mirror.so", "mirror");
  if (!file) die(file.error().message);
  plugin::ChildPlugin out;
  out.plughost = SKEP_BUILD_DIR "/bin/skep-plughost";
  out.file = *file;
  out.plugin_id = out.component = "mirror";
  out.kind = SKEP_KIND_TASK;
  out.config_json = "{}";
  out.state_dir = dir.file("state");
  return out;
}

void run_task(plugin::TaskTarget& target, const std::string& request) {
  static ports::CancelToken cancel;
  static const ports::TaskEvents events;
  plugin::TaskCall call("mirror", 0, cancel, events);
  const auto outcome = target.run(call, request);
  if (outcome.kind != model::OutcomeKind::kSucceeded) die(outcome.error);
}

std::shared_ptr<plugin::ChildGroup> start(plugin::ChildPlugin plugin) {
  auto group = plugin::ChildGroup::start(std::move(plugin));
  if (!group) die(group.error().message);
  return *group;
}

void warm_calls(const plugin::ChildPlugin& plugin, BareEcho& bare) {
  const auto group = start(plugin);
  const auto target = group->task_target();
  const std::string request = "{\"params\":{\"x\":\"" + std::string(kBytes - 20, 'x') + "\"}}";
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
  const auto group = start(plugin);
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
  const auto area = plugin::StagingArea::open(dir.file("staging"));
  if (!area) die(area.error().message);
  const auto plugin = mirror_plugin(*area, dir);
  warm_calls(plugin, *bare);
  // Gone before: a child of our own would look like an orphan, which a group searches for.
  bare.reset();
  fresh_children(plugin);
}
