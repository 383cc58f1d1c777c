// What a worker proves itself with: a join token until it has a credential of its own.
#pragma once

#include <atomic>
#include <string>

#include "core/base/mutex.hpp"
#include "core/base/result.hpp"

namespace skep::worker {

/// Shared by the loops of one worker. [any]
class Credential {
 public:
  /// `file` keeps the credential over restarts, "" = nothing does. `join_token` "" = none: then the
  /// control plane may still know this machine's user.
  explicit Credential(std::string join_token = {}, std::string file = {});
  /// What goes with a request: the credential, else the join token; "" = nothing.
  std::string token() const;
  bool is_enrolled() const;
  const std::string& join_token() const { return join_token_; }
  /// The control plane gave a new one; it counts also when the file cannot be written, which keep()
  /// does later.
  void take(const std::string& credential);
  /// Writes what is not in the file yet; costs nothing when all is.
  void keep();

 private:
  const std::string join_token_;
  const std::string file_;
  Mutex file_mutex_;  ///< held while the file is written
  mutable Mutex mutex_;
  std::string own_ SKEP_GUARDED_BY(mutex_);
  std::atomic<bool> unwritten_{false};  ///< own_ is not in the file
  bool complained_ SKEP_GUARDED_BY(mutex_) = false;
};

}  // namespace skep::worker
