// A supervisor that outlives the process that starts it.
#pragma once

#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/proc/launch.hpp"
#include "core/supervise/process_id.hpp"

namespace skep::supervise {

class Detached {
 public:
  /// `argv[0]` is a path. Its stderr goes to the end of `log_path`, its stdout to last_words().
  static Result<Detached> launch(const std::vector<std::string>& argv,
                                 const std::vector<std::string>& env, const std::string& log_path);
  const ProcessId& id() const { return id_; }
  /// It has ended, or does so within `wait`.
  bool has_ended(Millis wait) const;
  /// What it wrote to its stdout since the last call. Does not wait.
  std::string last_words();

 private:
  Detached(proc::Child child, UniqueFd out);
  proc::Child child_;
  UniqueFd out_;
  ProcessId id_;
};

}  // namespace skep::supervise
