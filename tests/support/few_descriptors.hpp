// A process with hardly a descriptor left, for as long as this lives.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

#include "core/base/fd.hpp"

namespace skep::test {

class FewDescriptors {
 public:
  static constexpr rlim_t kLimit = 64;

  FewDescriptors() {
    if (::getrlimit(RLIMIT_NOFILE, &before_) != 0) throw std::runtime_error("getrlimit");
    const rlimit few{kLimit, before_.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) throw std::runtime_error("setrlimit");
    constexpr int kNearly = 50;
    do held_.emplace_back(::dup(STDERR_FILENO));
    while (held_.back() && held_.back().get() < kNearly);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
  std::vector<UniqueFd> held_;
};

}  // namespace skep::test
