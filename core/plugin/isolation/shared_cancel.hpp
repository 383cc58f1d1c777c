// Cancellation of the task in a child, in memory that host and child share: the child asks without
// a message, and its plugin can poll a descriptor.
#pragma once

#include <array>
#include <atomic>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"

namespace skep::plugin {

/// A page with the reason and an eventfd. The host writes and resets; a child that writes too harms
/// itself only, because the host never reads either.
class SharedCancel {
 public:
  /// Host: makes both.
  static Result<SharedCancel> create();
  /// Child: takes over the descriptors it was started with.
  static Result<SharedCancel> adopt(UniqueFd memory, UniqueFd event);
  SharedCancel(SharedCancel&& other) noexcept;
  SharedCancel& operator=(SharedCancel&&) = delete;
  ~SharedCancel();

  std::atomic<int>& reason() { return *reason_; }
  int event_fd() const { return event_.get(); }
  int memory_fd() const { return memory_.get(); }
  /// Before the next task.
  void reset();
  void cancel(int reason);

 private:
  SharedCancel(UniqueFd memory, UniqueFd event, std::atomic<int>* reason)
      : memory_(std::move(memory)), event_(std::move(event)), reason_(reason) {}
  UniqueFd memory_;
  UniqueFd event_;
  std::atomic<int>* reason_;
};

}  // namespace skep::plugin
