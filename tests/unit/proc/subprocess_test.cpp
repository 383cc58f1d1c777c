#include "core/proc/subprocess.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <set>

#include "tests/unit/proc/support.hpp"

namespace skep::proc {
namespace {

Exit run_ok(const Spec& spec, const Output& output = {}, int cancel_fd = -1) {
  auto exit = run(spec, cancel_fd, 0, output);
  EXPECT_TRUE(exit) << exit.error().message;
  return exit ? *exit : Exit{};
}

TEST(Subprocess, captures_both_streams_and_the_exit_code) {
  Captured got;
  const Exit e = run_ok(shell("echo one; echo two >&2; exit 3"), got.sink());
  EXPECT_EQ(e.reason, ExitReason::kExited);
  EXPECT_EQ(e.exit_code, 3);
  EXPECT_EQ(e.signal, 0);
  EXPECT_EQ(got.out, "one\n");
  EXPECT_EQ(got.err, "two\n");
}

TEST(Subprocess, reports_a_signal_that_somebody_else_sent) {
  const Exit e = run_ok(shell("kill -SEGV $$"));
  EXPECT_EQ(e.reason, ExitReason::kSignaled);
  EXPECT_EQ(e.signal, SIGSEGV);
  EXPECT_EQ(e.exit_code, -1);
}

TEST(Subprocess, passes_arguments_bytes_for_byte) {
  Captured got;
  const std::string odd = "a b\t\"c\" $HOME ;|& \xff\xfe '";
  run_ok(shell("printf %s \"$1\"", {odd}), got.sink());
  EXPECT_EQ(got.out, odd);
}

TEST(Subprocess, names_the_program_that_is_missing_and_where_it_looked) {
  Spec spec;
  spec.argv = {"no-such-program"};
  spec.env = {"PATH=/usr/bin:/bin"};
  const auto exit = run(spec, -1, 0, {});
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, Code::kNotFound);
  EXPECT_EQ(exit.error().message,
            std::string("no program \"no-such-program\" in PATH ") + std::getenv("PATH"));
}

TEST(Subprocess, without_a_path_of_ours_looks_in_the_usual_folders) {
  const std::string before = std::getenv("PATH");
  Spec spec;
  spec.argv = {"true"};
  ::setenv("PATH", "", 1);
  const auto empty = run(spec, -1, 0, {});
  ::unsetenv("PATH");
  const auto none = run(spec, -1, 0, {});
  ::setenv("PATH", before.c_str(), 1);
  EXPECT_TRUE(empty) << empty.error().message;
  EXPECT_TRUE(none) << none.error().message;
}

TEST(Subprocess, looks_a_program_up_in_our_path_and_not_in_that_of_its_environment) {
  const TempDir dir;
  std::ofstream(dir.file("sh")) << "#!/bin/sh\necho another\n";
  chmod(dir.file("sh").c_str(), 0700);
  Spec spec = shell("echo ours");
  spec.env = {"PATH=" + dir.path()};
  Captured got;
  run_ok(spec, got.sink());
  EXPECT_EQ(got.out, "ours\n");
}

/// A program whose execution waits until this goes: somebody has a lease on its file.
class SlowProgram {
 public:
  SlowProgram() {
    std::filesystem::copy_file("/bin/sh", path());
    signal(SIGIO, SIG_IGN);
    fd_.reset(open(path().c_str(), O_RDWR | O_CLOEXEC));
    leased_ = fcntl(fd_.get(), F_SETLEASE, F_WRLCK) == 0;
  }
  bool is_leased() const { return leased_; }
  bool is_waited_for() const { return fcntl(fd_.get(), F_GETLEASE) != F_WRLCK; }
  std::string path() const { return dir_.file("slow"); }

 private:
  TempDir dir_;
  UniqueFd fd_;
  bool leased_ = false;
};

TEST(Subprocess, a_start_that_hangs_holds_no_other_and_ends_when_cancelled) {
  const SlowProgram slow;
  if (!slow.is_leased()) GTEST_SKIP() << "no leases here";
  Spec spec;
  spec.argv = {slow.path(), "-c", "exit 3"};
  const Event cancel;
  std::jthread hangs([&] {
    const auto e = run(spec, cancel.fd(), 0, {});
    ASSERT_TRUE(e) << e.error().message;
    EXPECT_EQ(e->reason, ExitReason::kCancelled);
  });
  ASSERT_TRUE(eventually([&] { return slow.is_waited_for(); }));
  Captured got;
  run_ok(shell("echo meanwhile"), got.sink());
  EXPECT_EQ(got.out, "meanwhile\n");
  EXPECT_TRUE(slow.is_waited_for());
  cancel.set();
}

TEST(Subprocess, a_start_that_hangs_ends_with_its_time) {
  const SlowProgram slow;
  if (!slow.is_leased()) GTEST_SKIP() << "no leases here";
  Spec spec;
  spec.argv = {slow.path(), "-c", "exit 3"};
  spec.timeout = Millis(100);
  const auto e = run(spec, -1, 0, {});
  ASSERT_TRUE(e) << e.error().message;
  EXPECT_EQ(e->reason, ExitReason::kTimeout);
}

TEST(Subprocess, tells_a_missing_file_from_a_forbidden_one_and_from_a_bad_first_line) {
  const TempDir dir;
  std::ofstream(dir.file("plain")) << "data";
  std::ofstream(dir.file("bad")) << "#!/no/such/interpreter\n";
  chmod((dir.file("bad")).c_str(), 0700);
  const auto start = [](const std::string& program) {
    Spec spec;
    spec.argv = {program};
    return run(spec, -1, 0, {}).error();
  };
  EXPECT_EQ(start(dir.file("none")).code, Code::kNotFound);
  EXPECT_EQ(start(dir.file("plain")).code, Code::kDenied);
  const Error bad = start(dir.file("bad"));
  EXPECT_EQ(bad.code, Code::kNotFound);
  EXPECT_NE(bad.message.find("interpreter in its first line"), std::string::npos) << bad.message;
}

TEST(Subprocess, names_the_working_directory_that_is_missing) {
  Spec spec = shell("pwd");
  spec.cwd = "/no/such/folder";
  const auto exit = run(spec, -1, 0, {});
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, Code::kInvalid);
  EXPECT_NE(exit.error().message.find("/no/such/folder"), std::string::npos);
}

TEST(Subprocess, refuses_an_empty_command_and_a_zero_byte) {
  EXPECT_EQ(run(Spec{}, -1, 0, {}).error().code, Code::kInvalid);
  Spec spec = shell("true");
  spec.env.push_back(std::string("A=1\0B=2", 7));
  EXPECT_EQ(run(spec, -1, 0, {}).error().code, Code::kInvalid);
}

TEST(Subprocess, starts_in_the_directory_that_was_asked_for) {
  Captured got;
  Spec spec = shell("pwd");
  spec.cwd = "/usr";
  run_ok(spec, got.sink());
  EXPECT_EQ(got.out, "/usr\n");
}

TEST(Subprocess, gives_a_large_input_to_a_child_that_writes_as_much) {
  std::string input(8 << 20, 'x');
  for (std::size_t i = 0; i < input.size(); i += 100) input[i] = '\n';
  Captured got;
  Spec spec = shell("cat; cat >&2 /dev/null");
  spec.stdin_bytes = input;
  run_ok(spec, got.sink());
  EXPECT_EQ(got.out.size(), input.size());
  EXPECT_TRUE(got.out == input);
}

TEST(Subprocess, survives_a_child_that_never_reads_its_input) {
  Spec spec = shell("exec <&-; exit 0");
  spec.stdin_bytes.assign(4 << 20, 'x');
  EXPECT_EQ(run_ok(spec).exit_code, 0);
}

TEST(Subprocess, reads_an_empty_input_as_the_end) {
  Captured got;
  run_ok(shell("cat; echo done"), got.sink());
  EXPECT_EQ(got.out, "done\n");
}

// W8
TEST(Subprocess, gives_exactly_the_environment_named_and_nothing_of_ours) {
  for (int i = 0; i < 30; ++i) setenv(("SECRET_" + std::to_string(i)).c_str(), "hunter2", 1);
  Captured got;
  Spec spec;
  spec.argv = {"/usr/bin/env"};
  spec.env = {"A=1", "B=two words"};
  run_ok(spec, got.sink());
  EXPECT_EQ(got.out, "A=1\nB=two words\n");
  for (int i = 0; i < 30; ++i) unsetenv(("SECRET_" + std::to_string(i)).c_str());
}

// W8
TEST(Subprocess, leaves_only_three_descriptors_a_private_umask_and_default_signals) {
  const int leaky = open("/etc/passwd", O_RDONLY);  // without O_CLOEXEC on purpose
  const auto old = signal(SIGPIPE, SIG_IGN);
  ASSERT_GT(leaky, 2);
  Captured got;
  run_ok(
      shell("umask; n=0; while [ $n -le \"$1\" ]; do [ -e /proc/$$/fd/$n ] && echo $n; n=$((n+1)); "
            "done; grep -E 'SigIgn|SigBlk' /proc/self/status; ulimit -c",
            {std::to_string(leaky + 5)}),
      got.sink());
  signal(SIGPIPE, old);
  close(leaky);
  EXPECT_EQ(got.out, "0077\n0\n1\n2\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n");
}

TEST(Subprocess, puts_the_child_into_its_own_session_and_group) {
  Captured got;
  run_ok(shell("cut -d' ' -f1,5,6 /proc/$$/stat"), got.sink());
  std::istringstream in(got.out);
  int pid = 0, group = 0, session = 0;
  in >> pid >> group >> session;
  EXPECT_GT(pid, 0);
  EXPECT_EQ(pid, group);
  EXPECT_EQ(pid, session);
}

TEST(Subprocess, sets_niceness_and_the_memory_limit) {
  Captured got;
  Spec spec = shell("cut -d' ' -f19 /proc/self/stat; ulimit -v");
  spec.nice = 7;
  spec.memory_bytes = 512 << 20;
  run_ok(spec, got.sink());
  EXPECT_EQ(got.out, "7\n524288\n");
}

TEST(Subprocess, ends_a_polite_child_at_its_time_limit) {
  Spec spec = shell("echo begun; exec sleep 600");
  spec.timeout = Millis(100);
  Captured got;
  Exit e = run_ok(spec, got.sink());
  for (; got.out.empty() && spec.timeout < kPatience; e = run_ok(spec, got.sink()))
    spec.timeout *= 2;  // the time is over while a busy machine begins
  EXPECT_EQ(e.reason, ExitReason::kTimeout);
  EXPECT_EQ(e.signal, SIGTERM);
  EXPECT_EQ(e.exit_code, -1);
  EXPECT_GE(e.duration, spec.timeout);
  EXPECT_LT(e.duration, kPatience);
}

TEST(Subprocess, obeys_the_earlier_of_time_limit_and_deadline) {
  Spec spec = shell("sleep 600");
  spec.timeout = Millis(500'000);
  const auto e = run(spec, -1, monotonic_ms() + 100, {});
  ASSERT_TRUE(e);
  EXPECT_EQ(e->reason, ExitReason::kTimeout);
  EXPECT_LT(e->duration, kPatience);
}

/// Sets `cancel` with the first output, so that no time limit races the child's start.
Output cancel_when_ready(const Event& cancel, Output then = {}) {
  return [&cancel, then](bool is_stderr, std::string_view bytes) {
    cancel.set();
    return !then || then(is_stderr, bytes);
  };
}

// W5
TEST(Subprocess, kills_a_child_that_ignores_sigterm_after_the_grace_time) {
  const Event cancel;
  Spec spec = shell("trap '' TERM; echo ready; while :; do sleep 600; done");
  spec.grace = Millis(300);
  const Exit e = run_ok(spec, cancel_when_ready(cancel), cancel.fd());
  EXPECT_EQ(e.reason, ExitReason::kCancelled);
  EXPECT_EQ(e.signal, SIGKILL);
  EXPECT_GE(e.duration, Millis(300));
  EXPECT_LT(e.duration, kPatience);
}

TEST(Subprocess, lets_a_child_say_goodbye_within_the_grace_time) {
  const Event cancel;
  Captured got;
  Spec spec = shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
  spec.grace = kPatience;
  const Exit e = run_ok(spec, cancel_when_ready(cancel, got.sink()), cancel.fd());
  EXPECT_EQ(e.reason, ExitReason::kCancelled);
  EXPECT_EQ(got.out, "ready\nbye\n");
}

TEST(Subprocess, ends_a_stopped_child) {
  Spec spec = shell("kill -STOP $$; sleep 600");
  spec.timeout = Millis(200);
  const Exit e = run_ok(spec);
  EXPECT_EQ(e.reason, ExitReason::kTimeout);
  EXPECT_LT(e.duration, kPatience);
}

TEST(Subprocess, ends_the_child_when_cancelled) {
  const Event cancel;
  Captured got;
  const Exit e =
      run_ok(shell("echo ready; sleep 600"), cancel_when_ready(cancel, got.sink()), cancel.fd());
  EXPECT_EQ(e.reason, ExitReason::kCancelled);
  EXPECT_EQ(got.out, "ready\n");
  EXPECT_LT(e.duration, kPatience);
}

TEST(Subprocess, starts_nothing_when_cancelled_or_late_before) {
  const TempDir dir;
  const Event cancel;
  cancel.set();
  const Spec spec = shell("touch \"$1\"", {dir.file("ran")});
  EXPECT_EQ(run_ok(spec, {}, cancel.fd()).reason, ExitReason::kCancelled);
  EXPECT_EQ(run(spec, -1, monotonic_ms() - 1, {})->reason, ExitReason::kTimeout);
  EXPECT_FALSE(std::filesystem::exists(dir.file("ran")));
}

TEST(Subprocess, ends_the_child_when_its_reader_refuses_more) {
  std::size_t seen = 0;
  const Exit e = run_ok(shell("yes"), [&](bool, std::string_view bytes) {
    seen += bytes.size();
    return seen < 100'000;
  });
  EXPECT_EQ(e.reason, ExitReason::kCancelled);
  EXPECT_LT(seen, 100'000u + (64u << 10));
}

// W4, at a size that a test can afford.
TEST(Subprocess, reads_a_flood_of_output_without_keeping_it) {
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  std::uint64_t bytes_seen = 0;
  const Exit e = run_ok(shell("head -c 1000000000 /dev/zero; head -c 1000000000 /dev/zero >&2"),
                        [&](bool, std::string_view bytes) {
                          bytes_seen += bytes.size();
                          return true;
                        });
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(e.exit_code, 0);
  EXPECT_EQ(bytes_seen, 2'000'000'000u);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 << 10);
}

// W6
TEST(Subprocess, returns_soon_after_exit_though_a_grandchild_holds_the_pipe) {
  const std::string seconds = unique_seconds();
  Captured got;
  const Exit e = run_ok(shell("sleep \"$1\" & echo started", {seconds}), got.sink());
  EXPECT_EQ(e.reason, ExitReason::kExited);
  EXPECT_EQ(e.exit_code, 0);
  EXPECT_EQ(got.out, "started\n");
  EXPECT_LT(e.duration, kPatience);
  EXPECT_EQ(count_processes(seconds), 0);
}

TEST(Subprocess, reads_what_a_grandchild_writes_just_after_the_exit) {
  // Of the two seconds that it has for that, a busy machine may take two: not each time.
  EXPECT_TRUE(eventually([] {
    Captured got;
    run_ok(shell("(while [ -e /proc/$$/fd/0 ]; do :; done; echo late) & exit 0"), got.sink());
    return got.out == "late\n";
  }));
}

TEST(Subprocess, measures_processor_time) {
  const Exit e = run_ok(shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"));
  EXPECT_GT(e.cpu, Millis(10));
  EXPECT_LE(e.cpu, e.duration + Millis(50));
}

TEST(Subprocess, measures_the_peak_size_of_a_large_child) {
  const Exit e = run_ok(shell("head -c 300000000 /dev/zero | tail -c 200000000 | wc -c"));
  EXPECT_GT(e.max_rss_bytes, 190'000'000);
}

TEST(Subprocess, does_not_count_our_own_size_as_the_childs) {
  Captured got;
  Spec spec;
  spec.argv = {SKEP_TEST_HOST, "1", "sleep 0.1", "300"};
  spec.env = {kPath};
  run_ok(spec, got.sink());
  ASSERT_TRUE(got.out.starts_with("rss ")) << got.out;
  const long long rss = std::atoll(got.out.c_str() + 4);
  EXPECT_GT(rss, 100'000);
  EXPECT_LT(rss, 50'000'000);
}

// W9, at a size that a test can afford.
TEST(Subprocess, leaves_nothing_when_cancelled_while_it_starts) {
  const std::string seconds = unique_seconds();
  for (int i = 0; i < 200; ++i) {
    const Event cancel;
    std::jthread canceller([&] { cancel.set(); });
    const auto e = run(shell("exec sleep \"$1\"", {seconds}), cancel.fd(), 0, {});
    ASSERT_TRUE(e);
    ASSERT_EQ(e->reason, ExitReason::kCancelled);
  }
  EXPECT_EQ(count_processes(seconds), 0);
}

TEST(Subprocess, runs_many_at_once_and_mixes_nothing_up) {
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&right, t] {
        for (int i = 0; i < 25; ++i) {
          Captured got;
          const std::string word = std::to_string(t) + "-" + std::to_string(i);
          const auto e =
              run(shell("echo \"$1\"; exit \"$2\"", {word, std::to_string(i)}), -1, 0, got.sink());
          right += e && e->exit_code == i && got.out == word + "\n";
        }
      });
  }
  EXPECT_EQ(right, 200);
}

TEST(Subprocess, leaks_no_descriptor) {
  const auto count = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  run_ok(shell("true"));
  const auto before = count();
  for (int i = 0; i < 50; ++i) run_ok(shell("echo x"));
  Spec none;
  none.argv = {"no-such-program"};
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(run(none, -1, 0, {}));
  // The thread that starts children lets go of the last one when it comes to it.
  EXPECT_TRUE(eventually([&] { return count() <= before; })) << count() << " of " << before;
}

}  // namespace
}  // namespace skep::proc
