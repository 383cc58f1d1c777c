// Can a folder be written? Asked from time to time, without waiting for it.
#pragma once

#include <memory>
#include <string>

#include "core/base/clock.hpp"

namespace skep {

/// Writes a small file and removes it, on a thread of its own: a file system that does not answer
/// holds that thread alone. Used by one thread at a time.
class FolderProbe {
 public:
  /// "" = there is nothing to look at.
  FolderProbe(std::string folder, Clock& clock) : folder_(std::move(folder)), clock_(clock) {}
  /// What the last look found, "" = all is well; begins another one when it is time.
  std::string trouble();
  /// Waits for the look under way. For tests.
  void await_for_test() const;

 private:
  struct Look;
  const std::string folder_;
  Clock& clock_;
  std::shared_ptr<Look> look_;
  MonoMs began_ = 0;
  std::string trouble_;
};

}  // namespace skep
