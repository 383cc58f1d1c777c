// What children leave behind, and hosts that die.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>

#include "core/base/fd.hpp"
#include "core/proc/mark.hpp"
#include "tests/support/resource_limits.hpp"
#include "tests/unit/proc/support.hpp"

namespace skep::proc {
namespace {

std::string escape(const std::string& seconds, const std::string& how = "setsid") {
  // Forks twice, leaves group and session, and closes every descriptor.
  return "(" + how + " sh -c 'exec sleep " + seconds + "' </dev/null >/dev/null 2>&1 &) ; ";
}

int zombies_of_ours() {
  int count = 0;
  std::ifstream in("/proc/self/task/" + std::to_string(getpid()) + "/children");
  for (pid_t pid = 0; in >> pid;) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(stat, line);
    count += line.find(") Z ") != std::string::npos;
  }
  return count;
}

TEST(Leftovers, of_a_child_that_ended_well_are_killed_in_another_session_too) {
  const std::string seconds = unique_seconds();
  const auto e = run(shell(escape(seconds) + "sleep 0.1"), -1, 0, {});
  ASSERT_TRUE(e);
  EXPECT_EQ(e->exit_code, 0);
  EXPECT_EQ(count_processes(seconds), 0);
  EXPECT_TRUE(eventually([] { return zombies_of_ours() == 0; }));
}

TEST(Leftovers, are_found_though_they_dropped_their_environment) {
  const std::string seconds = unique_seconds();
  const auto e = run(shell(escape(seconds, "env -i setsid") + "sleep 0.1"), -1, 0, {});
  ASSERT_TRUE(e);
  EXPECT_EQ(count_processes(seconds), 0);
}

/// Forks twice, leaves group and session with another limit where its mark $m was, writes its
/// number to the file "stray" and sleeps.
std::string escape_as(const std::string& limit) {
  return "m=$(prlimit --rttime --output HARD --noheadings --raw --pid $$);"
         "(prlimit --rttime=" +
         limit + ":" + limit +
         " setsid sh -c 'echo $$ > stray~; mv stray~ stray; exec sleep 600'"
         " </dev/null >/dev/null 2>&1 &);";
}

TEST(Leftovers, are_found_though_they_changed_their_mark) {
  // A small one, that of a guard, that of an older child.
  for (const std::string& limit :
       {std::string("777"), std::to_string(kGuardMark), std::string("$((m - 1))")}) {
    const TempDir dir;
    Spec spec = shell(escape_as(limit) + "while [ ! -e stray ]; do sleep 0.01; done");
    spec.cwd = dir.path();
    const auto e = run(spec, -1, 0, {});
    ASSERT_TRUE(e);
    EXPECT_EQ(e->exit_code, 0);
    const pid_t stray = std::atoi(contents(dir.file("stray")).c_str());
    ASSERT_GT(stray, 0) << limit;
    EXPECT_NE(kill(stray, 0), 0) << limit;
  }
}

// Or one that starts itself anew each time would always belong to the latest child.
TEST(Leftovers, that_changed_their_mark_wait_for_the_end_of_no_child) {
  const TempDir dir;
  const std::string daemon = unique_seconds();
  Spec spec = shell(escape(daemon) + escape_as("777") + "sleep 600");
  spec.cwd = dir.path();
  const Event stop;
  std::jthread child([&] { EXPECT_TRUE(run(spec, stop.fd(), 0, {})); });
  EXPECT_TRUE(eventually([&] { return !contents(dir.file("stray")).empty(); }));
  const pid_t stray = std::atoi(contents(dir.file("stray")).c_str());
  EXPECT_TRUE(eventually([&] { return kill(stray, 0) != 0; }));
  EXPECT_TRUE(eventually([&] { return count_processes(daemon) == 1; }));
  stop.set();
}

TEST(Leftovers, of_a_cancelled_child_are_killed) {
  const std::string seconds = unique_seconds();
  const Event cancel;
  const auto e = run(shell(escape(seconds) + "echo ready; sleep 600"), cancel.fd(), 0,
                     [&](bool, std::string_view) {
                       EXPECT_TRUE(eventually([&] { return count_processes(seconds) == 1; }));
                       cancel.set();
                       return true;
                     });
  ASSERT_TRUE(e);
  EXPECT_EQ(count_processes(seconds), 0);
}

TEST(Leftovers, of_one_child_are_told_from_those_of_another) {
  const std::string mine = unique_seconds();
  const std::string other = unique_seconds();
  const Event stop;
  std::jthread neighbour(
      [&] { EXPECT_TRUE(run(shell(escape(other) + "sleep 600"), stop.fd(), 0, {})); });
  ASSERT_TRUE(eventually([&] { return count_processes(other) == 1; }));
  ASSERT_TRUE(run(shell(escape(mine) + "sleep 0.1"), -1, 0, {}));
  EXPECT_EQ(count_processes(mine), 0);
  EXPECT_EQ(count_processes(other), 1);
  stop.set();
  neighbour.join();
  EXPECT_EQ(count_processes(other), 0);
}

TEST(Leftovers, that_fork_for_ever_are_stopped) {
  const std::string seconds = unique_seconds();
  // Each generation starts the next in a new session and ends: a chain that no group kill catches.
  Spec spec;
  spec.argv = {
      "sh", "-c", "setsid sh -c \"$0\" \"$0\" x & sleep 0.3",
      "setsid sh -c \"$0\" \"$0\" " + seconds + " </dev/null >/dev/null 2>&1 & sleep 0.01"};
  spec.env = {kPath};
  ASSERT_TRUE(run(spec, -1, 0, {}));
  EXPECT_EQ(count_processes(seconds), 0);
}

TEST(Leftovers, that_end_while_the_child_runs_do_not_pile_up_as_zombies) {
  const Event stop;
  const TempDir dir;
  const std::string left = "while [ ! -e \"$1\" ]; do sleep 0.05; done";
  std::jthread child([&] {
    const std::string starts = "for i in 1 2 3 4 5; do (sh -c '" + left + "' sh \"$1\" &) ; done; ";
    EXPECT_TRUE(run(shell(starts + "sleep 600", {dir.file("go")}), stop.fd(), 0, {}));
  });
  EXPECT_TRUE(eventually([] { return has_adopted(); }));
  std::ofstream(dir.file("go")).flush();
  EXPECT_TRUE(eventually([] { return !has_adopted(); }));
  stop.set();
}

TEST(Leftovers, that_cannot_be_looked_for_are_not_taken_for_gone) {
  const Mark mark = next_mark(Kin::kBackground);
  const pid_t child = fork();
  if (child == 0) {
    const rlimit marked{mark, mark};
    setrlimit(RLIMIT_RTTIME, &marked);
    for (;;) pause();
  }
  ASSERT_TRUE(eventually([&] { return mark_of(child) == mark; }));
  {
    const test::FewDescriptors none(0);
    EXPECT_TRUE(has_adopted());
    EXPECT_EQ(kill_marked({mark, mark}, 0, Millis(0)), 1);
  }
  EXPECT_EQ(mark_of(child), mark);
  EXPECT_EQ(kill_marked({mark, mark}, 0, kPatience), 0);
  EXPECT_NE(kill(child, 0), 0) << "it is reaped";
}

// As in a container: what somebody else left, without a mark of ours, comes to process 1.
TEST(Leftovers, of_others_are_reaped_by_process_one) {
  const TempDir dir;
  Spec spec;
  spec.argv = {"unshare",
               "--pid",
               "--fork",
               "--mount-proc",
               SKEP_TEST_HOST,
               "1",
               "prlimit --rttime=unlimited:unlimited sh -c 'sleep 0.1 & echo $!' > pid"
               " && while [ -e /proc/$(cat pid) ]; do sleep 0.05; done; touch reaped"};
  spec.env = {kPath};
  spec.cwd = dir.path();
  auto host = Background::spawn(spec, dir.file("log"));
  ASSERT_TRUE(host) << host.error().message;
  const auto reaped = [&] { return std::filesystem::exists(dir.file("reaped")); };
  EXPECT_TRUE(eventually([&] { return reaped() || host->poll(); }));
  if (host->poll() && !reaped()) GTEST_SKIP() << contents(dir.file("log"));
}

// W1: twenty children that fork twice and leave the session; their host is killed with SIGKILL.
TEST(Leftovers, of_a_killed_host_are_gone_within_seconds) {
  for (int round = 0; round < 3; ++round) {
    const std::string seconds = unique_seconds();
    Spec spec;
    spec.argv = {SKEP_TEST_HOST, "20", escape(seconds) + "exec sleep " + seconds};
    spec.env = {kPath};
    auto host = Background::spawn(spec, "/dev/null");
    ASSERT_TRUE(host) << host.error().message;
    ASSERT_TRUE(eventually([&] { return count_processes(seconds) == 40; }))
        << count_processes(seconds);
    host->signal(SIGKILL);
    EXPECT_EQ(host->poll(kPatience).value_or(Exit{}).signal, SIGKILL);
    EXPECT_TRUE(eventually([&] { return count_processes(seconds) == 0; }, kPatience));
  }
}

/// Of this process, once it holds on; 0 while it has none that lives. Those of hosts that were
/// killed come to us as well, and have other marks.
pid_t guard_pid() {
  const MarkRange ours = marks(Kin::kTask);
  std::string line;
  for (const std::string& word :
       {std::string("skep-guard"), std::to_string(ours.first), std::to_string(ours.last)})
    line += word + '\0';
  for (const auto& entry : std::filesystem::directory_iterator("/proc"))
    if (contents(entry.path() / "cmdline") == line &&
        contents(entry.path() / "comm") == "skep-guard\n")
      return std::atoi(entry.path().filename().c_str());
  return 0;
}

TEST(Guard, comes_back_with_the_next_child_when_it_was_killed) {
  ASSERT_TRUE(run(shell("true"), -1, 0, {}));
  ASSERT_TRUE(eventually([] { return guard_pid() != 0; }));
  const pid_t first = guard_pid();
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, first, 0)));
  ASSERT_TRUE(pidfd) << "or the wait would be for nothing";
  ASSERT_EQ(kill(first, SIGKILL), 0);
  pollfd ended{pidfd.get(), POLLIN, 0};
  ASSERT_EQ(poll(&ended, 1, static_cast<int>(kPatience.count())), 1);
  ASSERT_TRUE(run(shell("true"), -1, 0, {}));
  EXPECT_TRUE(eventually([&] { return guard_pid() != 0 && guard_pid() != first; }));
}

TEST(Guard, holds_on_when_asked_to_end) {
  ASSERT_TRUE(run(shell("true"), -1, 0, {}));
  ASSERT_TRUE(eventually([] { return guard_pid() != 0; }));
  const pid_t first = guard_pid();
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ASSERT_EQ(kill(first, number), 0);
  ASSERT_TRUE(run(shell("sleep 0.1"), -1, 0, {}));
  EXPECT_EQ(guard_pid(), first);
}

TEST(Marks, are_different_and_ours_and_read_back_from_a_child) {
  const LiveMark a;
  const LiveMark b;
  EXPECT_NE(a.value(), b.value());
  EXPECT_TRUE(marks(Kin::kTask).holds(a.value()));
  EXPECT_FALSE(marks(Kin::kTask).holds(mark_of(getpid()).value_or(0)));
  pid_t child = 0;
  std::optional<Mark> seen;
  ASSERT_TRUE(run(shell("echo $$; sleep 60"), -1, 0, [&](bool, std::string_view bytes) {
    child = std::atoi(std::string(bytes).c_str());
    seen = mark_of(child);
    return false;
  }));
  ASSERT_TRUE(seen);
  EXPECT_TRUE(marks(Kin::kTask).holds(*seen));
}

}  // namespace
}  // namespace skep::proc
