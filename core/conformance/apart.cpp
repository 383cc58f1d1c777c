#include "core/conformance/apart.hpp"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "core/conformance/test_case.hpp"

namespace skep::conformance {
namespace {

constexpr const char* kDebug = "run the test with --in-process under a debugger";
constexpr char kDone = 'd';
constexpr char kSkipped = 's';
constexpr char kBroken = 'b';
constexpr char kBetween = '\0';

void say(int to, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(to, text.data() + at, text.size() - at);
    if (n <= 0) ::_exit(1);
    at += static_cast<std::size_t>(n);
  }
}

/// The body's end in words: its kind, then what is said.
std::string outcome_of(const std::function<std::shared_ptr<void>()>& body,
                       std::shared_ptr<void>& kept) {
  try {
    kept = body();
    return {kDone};
  } catch (const Skipped& skipped) {
    return kSkipped + std::string(skipped.what());
  } catch (const Broken& broken) {
    return kBroken + std::string(broken.what()) + kBetween + broken.fix();
  } catch (const std::exception& e) {
    return kBroken + std::string(e.what()) + kBetween + kDebug;
  }
}

[[noreturn]] void be_the_child(int to, const std::function<std::shared_ptr<void>()>& body) {
  std::shared_ptr<void> kept;
  say(to, outcome_of(body, kept));
  ::close(to);
  for (;;) ::pause();
}

std::string heard(int from) {
  std::string text;
  std::array<char, 512> part{};
  for (;;) {
    const ssize_t n = ::read(from, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace

void killed_after(const std::function<std::shared_ptr<void>()>& body) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw Skipped("no pipe");
  const pid_t child = ::fork();
  if (child < 0) throw Skipped("no further process");
  if (child == 0) {
    ::close(ends[0]);
    be_the_child(ends[1], body);
  }
  ::close(ends[1]);
  const std::string text = heard(ends[0]);
  ::close(ends[0]);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  if (text.empty()) throw Broken("ended the process", kDebug);
  const std::size_t between = text.find(kBetween);
  if (text[0] == kSkipped) throw Skipped(text.substr(1));
  if (text[0] == kBroken)
    throw Broken(text.substr(1, between - 1),
                 between == std::string::npos ? kDebug : text.substr(between + 1));
}

void apart(const std::function<void()>& body) {
  killed_after([&body]() -> std::shared_ptr<void> {
    body();
    return nullptr;
  });
}

bool fail_syncs() {
  constexpr unsigned kFail = SECCOMP_RET_ERRNO | EIO;
  constexpr std::array kCalls{SYS_fsync, SYS_fdatasync, SYS_msync, SYS_sync_file_range, SYS_syncfs};
  std::vector<sock_filter> filter{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
  for (const long call : kCalls) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, kFail));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

}  // namespace skep::conformance
