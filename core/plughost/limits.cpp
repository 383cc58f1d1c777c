#include "core/plughost/limits.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "core/base/fd.hpp"

namespace skep::plughost {
namespace {

// A sanitizer reserves terabytes of address space for its books.
#ifdef SKEP_SANITIZED
constexpr bool kLimitMemory = false;
#else
constexpr bool kLimitMemory = true;
#endif

Status lower(__rlimit_resource resource, rlim_t value, std::string_view what) {
  rlimit now{};
  if (getrlimit(resource, &now) != 0) return errno_error(what, errno);
  const rlim_t wanted = std::min(value, now.rlim_max);
  const rlimit next{wanted, wanted};
  if (setrlimit(resource, &next) != 0) return errno_error(what, errno);
  return {};
}

/// Best effort: /proc may be read-only.
void be_the_first_to_go() {
  constexpr std::string_view kScore = "700";
  const UniqueFd fd(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  [[maybe_unused]] const auto n = write(fd.get(), kScore.data(), kScore.size());
}

}  // namespace

Status restrict_process(const plugin::ChildLimits& limits) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error("give up privileges", errno);
  be_the_first_to_go();
  mallopt(M_ARENA_MAX, 2);  // each arena reserves 64 MiB, which would count against memory_mb
  SKEP_TRY(lower(RLIMIT_NOFILE, static_cast<rlim_t>(limits.open_files), "limit open files"));
  if (!kLimitMemory || limits.memory_mb == 0) return {};
  return lower(RLIMIT_AS, static_cast<rlim_t>(limits.memory_mb) << 20, "limit memory");
}

}  // namespace skep::plughost
