// What a worker proves itself with: a join token until it has a credential of its own.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"

namespace skep::worker {

/// Read at the start, and again when what was shown is refused: somebody may have replaced it.
struct JoinToken {
  /// kConfig when the file cannot be used; empty = there is none, and the control plane may still
  /// know this machine's user.
  std::function<Result<std::string>()> read{};
  std::string file{};  ///< for people
};

/// Shared by the loops of one worker. [any]
class Credential {
 public:
  /// `file` keeps the credential over restarts, "" = nothing does.
  explicit Credential(JoinToken join = {}, std::string file = {});
  /// What goes with a request: the credential, else the join token; "" = nothing.
  std::string token() const;
  /// `refused` is taken no more: what the files hold now instead, to be tried in this order.
  std::vector<std::string> after_refusal(const std::string& refused);
  /// What a person can do about that.
  std::string advice() const;
  /// The control plane gave a new one; it counts also when the file cannot be written, which keep()
  /// does later.
  void take(const std::string& credential);
  /// Writes what is not in the file yet; costs nothing when all is.
  void keep();

 private:
  void read_join_token();

  const JoinToken join_;
  const std::string file_;
  Mutex file_mutex_;  ///< held while the file is written
  mutable Mutex mutex_;
  std::string join_token_ SKEP_GUARDED_BY(mutex_);
  std::string join_error_ SKEP_GUARDED_BY(mutex_);  ///< why the newest cannot be read
  std::string own_ SKEP_GUARDED_BY(mutex_);
  std::atomic<bool> unwritten_{false};  ///< own_ is not in the file
  bool complained_ SKEP_GUARDED_BY(mutex_) = false;
};

}  // namespace skep::worker
