// Too little of something, for a while: descriptors, room for a file.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

#include "core/base/fd.hpp"

namespace skep::test {

/// While it lives this process may open so many descriptors more.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t free) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    std::vector<UniqueFd> lowest(free + 1);
    for (UniqueFd& fd : lowest) fd.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit few{static_cast<rlim_t>(lowest.back().get()), before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_{};
};

/// While it lives nearly all of the descriptors that this process may have are in use.
class UsedDescriptors {
 public:
  static constexpr rlim_t kLimit = 64;

  UsedDescriptors() {
    if (::getrlimit(RLIMIT_NOFILE, &before_) != 0) throw std::runtime_error("getrlimit");
    const rlimit few{kLimit, before_.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) throw std::runtime_error("setrlimit");
    constexpr int kNearly = 50;
    do held_.emplace_back(::dup(STDERR_FILENO));
    while (held_.back() && held_.back().get() < kNearly);
  }
  ~UsedDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  UsedDescriptors(const UsedDescriptors&) = delete;
  UsedDescriptors& operator=(const UsedDescriptors&) = delete;

 private:
  rlimit before_{};
  std::vector<UniqueFd> held_;
};

/// No file of this process may grow beyond the limit: to SQLite, a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit small{bytes, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0);
    ::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit before_{};
  void (*old_handler_)(int);
};

}  // namespace skep::test
