// A supervisor that outlives the process that starts it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/proc/launch.hpp"

namespace skep::supervise {

class Detached {
 public:
  /// `argv[0]` is a path. Its stderr goes to the end of `log_path`, its stdout to last_words().
  static Result<Detached> launch(const std::vector<std::string>& argv,
                                 const std::vector<std::string>& env, const std::string& log_path);
  pid_t pid() const { return child_.pid; }
  /// It has ended, or does so within `wait`.
  bool has_ended(Millis wait) const;
  /// As end_process().
  Result<bool> end(Millis grace) const;
  /// What it wrote to its stdout since the last call. Does not wait.
  std::string last_words();

 private:
  Detached(proc::Child child, UniqueFd out) : child_(std::move(child)), out_(std::move(out)) {}
  proc::Child child_;
  UniqueFd out_;
};

}  // namespace skep::supervise
