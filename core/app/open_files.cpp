#include "core/app/open_files.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "core/base/log.hpp"

namespace skep::app {
namespace {

constexpr rlim_t kEnough = 65'536;

}  // namespace

std::size_t raise_open_files() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return 1024;
  const rlim_t wanted = std::min(files.rlim_max, kEnough);
  if (files.rlim_cur >= wanted) return files.rlim_cur;
  rlimit more = files;
  more.rlim_cur = wanted;
  if (setrlimit(RLIMIT_NOFILE, &more) == 0) return wanted;
  log::warn("open_files_not_raised", {{"limit", files.rlim_cur}, {"errno", errno}});
  return files.rlim_cur;
}

std::size_t connections_within(std::size_t wanted, std::size_t open_files, std::size_t reserve) {
  const std::size_t rest = open_files > reserve ? open_files - reserve : 0;
  return std::min(wanted, std::max(rest, open_files / 2));
}

}  // namespace skep::app
