#include "core/plugin/host_call.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <new>
#include <utility>

#include "core/base/json.hpp"
#include "core/plugin/adapters/call_wait.hpp"
#include "core/plugin/log_line.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

void make_readable(int fd) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd, &one, sizeof(one));
}

}  // namespace

HostCall::HostCall(std::string plugin_id, std::string component, MonoMs deadline)
    : skep_call{&ops_table()},
      plugin_id_(std::move(plugin_id)),
      component_(std::move(component)),
      deadline_(deadline) {}

void HostCall::cancel(ports::CancelReason reason) {
  {
    const MutexLock lock(mutex_);
    if (reason_ != ports::CancelReason::kNone) return;
    reason_ = reason;
    if (fd_) make_readable(fd_.get());
  }
  cancelled_.notify_all();
  wake();
}

ports::CancelReason HostCall::reason() {
  {
    const MutexLock lock(mutex_);
    if (reason_ != ports::CancelReason::kNone || monotonic_ns() < deadline_ns()) return reason_;
  }
  cancel(ports::CancelReason::kDeadline);
  const MutexLock lock(mutex_);
  return reason_;
}

void HostCall::hurry() {
  {
    const MutexLock lock(mutex_);
    hurried_ = true;
  }
  wake();
}

bool HostCall::hurried() const {
  const MutexLock lock(mutex_);
  return hurried_;
}

void HostCall::runs_on(CallThreads::Hold* hold) {
  const MutexLock lock(hold_mutex_);
  hold_ = hold;
}

void HostCall::wake() {
  const MutexLock lock(hold_mutex_);
  if (hold_ != nullptr) hold_->wake();
}

std::int64_t HostCall::deadline_ns() const { return deadline_in_ns(deadline_); }

std::int32_t HostCall::wait(std::int64_t until_ns) {
  const std::int64_t end = std::min(until_ns, deadline_ns());
  const CallThreads::TimePoint until{std::chrono::nanoseconds(end)};
  {
    MutexLock lock(mutex_);
    bool in_time = true;
    while (reason_ == ports::CancelReason::kNone && in_time) {
      if (end == std::numeric_limits<std::int64_t>::max())
        cancelled_.wait(lock);
      else
        in_time = cancelled_.wait_until(lock, until);
    }
  }
  return static_cast<std::int32_t>(reason());
}

std::int32_t HostCall::cancel_fd() {
  const MutexLock lock(mutex_);
  if (!fd_) {
    fd_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (fd_ && reason_ != ports::CancelReason::kNone) make_readable(fd_.get());
  }
  return fd_.get();
}

void HostCall::write_log(std::uint32_t level, skep_view event, skep_view fields_json) const {
  JsonOut member;
  member.object().key("component").str(component_).end_object();
  const std::string_view pair = member.text();
  write_line(level, plugin_id_, plugin_id_, text(event), pair.substr(1, pair.size() - 2),
             text(fields_json));
}

const skep_call_ops& HostCall::ops_table() {
  static constexpr skep_call_ops table{
      sizeof(skep_call_ops),
      0,
      [](skep_call*, std::uint32_t, skep_view) noexcept -> skep_rc { return SKEP_E_STATE; },
      [](skep_call*, std::uint32_t, skep_view) noexcept -> skep_rc { return SKEP_E_STATE; },
      [](skep_call*, skep_rc, std::uint32_t, skep_view) noexcept -> skep_rc {
        return SKEP_E_STATE;
      },
      [](skep_call* c) noexcept { return static_cast<std::int32_t>(of(c).reason()); },
      [](skep_call* c) noexcept { return of(c).deadline_ns(); },
      [](skep_call* c, std::int64_t until_ns) noexcept { return of(c).wait(until_ns); },
      [](skep_call* c) noexcept { return of(c).cancel_fd(); },
      [](skep_call* c, std::uint32_t level, skep_view event, skep_view fields_json) noexcept {
        try {
          of(c).write_log(level, event, fields_json);
        } catch (const std::bad_alloc&) {
          // A log line that cannot be written must not end the host.
        }
      }};
  return table;
}

}  // namespace skep::plugin
