// C++20 layer over skep_call: one call into the plugin. See skep/abi/base.h for its contract.
#ifndef SKEP_CALL_HPP
#define SKEP_CALL_HPP

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <version>

#include "skep/host.hpp"
#include "skep/json.hpp"
#include "skep/kind/task.h"
#include "skep/sink.hpp"
#include "skep/svc/task.h"
#ifdef __cpp_lib_jthread
#include "skep/stop_token.hpp"
#endif

namespace skep {

/// Valid until the function that got it returns; any thread of the plugin may use it until then,
/// save for request() and params(), which are for the thread that runs the task.
class Call {
 public:
  using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC

  /// Work of the plugin's own: nobody cancels it and it has no limit.
  Call() = default;
  explicit Call(skep_call* call, std::string_view request = {}) : call_(call), request_(request) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // ---- every call ----

  bool cancelled() const noexcept { return cancel_reason() != 0; }
  /// 0, or SKEP_CANCEL_*. The deadline is a reason, too.
  int cancel_reason() const noexcept { return call_ == nullptr ? 0 : call_->ops->cancelled(call_); }
  std::int64_t deadline_ns() const noexcept {
    return call_ == nullptr ? INT64_MAX : call_->ops->deadline_ns(call_);
  }
  /// time_point::max() when there is none.
  Clock::time_point deadline() const noexcept {
    return Clock::time_point(std::chrono::nanoseconds(deadline_ns()));
  }
  /// Throws SKEP_E_CANCELLED or SKEP_E_DEADLINE when there is a reason to stop.
  void check(std::string_view doing) const {
    const int reason = cancel_reason();
    if (reason == SKEP_CANCEL_DEADLINE)
      throw Fault(SKEP_E_DEADLINE, std::string(doing) + ": its time is up");
    if (reason != 0) throw Fault(SKEP_E_CANCELLED, std::string(doing) + ": cancelled");
  }
  /// Sleeps until `until_ns` (CLOCK_MONOTONIC); false when cancelled.
  bool wait_until(std::int64_t until_ns) {
    if (call_ != nullptr) return call_->ops->wait(call_, until_ns) == 0;
    std::this_thread::sleep_until(Clock::time_point(std::chrono::nanoseconds(until_ns)));
    return true;
  }
  /// Becomes readable on cancellation; -1 when there is none.
  int cancel_fd() const noexcept { return call_ == nullptr ? -1 : call_->ops->cancel_fd(call_); }
#ifdef __cpp_lib_jthread  // older versions of libc++ have no std::stop_token
  /// Of cancellation and deadline. The first one asked for starts a thread, which ends with the
  /// call.
  std::stop_token stop_token() {
    if (call_ == nullptr) return {};
    const std::lock_guard lock(mutex_);
    if (stop_ == nullptr) stop_ = std::make_unique<StopOnCancel>(call_);
    return stop_->token();
  }
#endif
  /// A line in the host's log that bears the component and the task; SKEP_LOG_*.
  void log(std::uint32_t level, std::string_view event, std::string_view fields_json = {}) {
    if (call_ == nullptr)
      skep::log(level, event, fields_json);
    else
      call_->ops->log(call_, level, view(event), view(fields_json));
  }
  skep_call* handle() const noexcept { return call_; }

  // ---- the run of a task or a script ----

  /// The whole request, as JSON text and parsed.
  std::string_view request_text() const noexcept { return request_; }
  const Json& request() {
    if (parsed_.is_null()) parsed_ = Json::parse(request_);
    return parsed_;
  }
  /// The task's parameters: complete and valid against the params_schema.
  const Json& params() { return request()["params"]; }

  skep_rc out(std::string_view bytes) { return emit(SKEP_CH_STDOUT, bytes); }
  skep_rc err(std::string_view bytes) { return emit(SKEP_CH_STDERR, bytes); }
  /// Sets the task's result. Returns 0, so `return call.result(..)` ends run() with success.
  skep_rc result(const Json& json) {
    emit(SKEP_CH_RESULT, json.dump());
    return SKEP_OK;
  }
  skep_rc emit(std::uint32_t channel, std::string_view bytes) {
    return call_ == nullptr ? SKEP_E_STATE : call_->ops->emit(call_, channel, view(bytes));
  }
  skep_rc progress(std::uint32_t permille, std::string_view note = {}) {
    return call_ == nullptr ? SKEP_E_STATE : call_->ops->progress(call_, permille, view(note));
  }
  /// Records the failure; return what it returns.
  skep_rc fail(skep_rc code, std::string_view message, std::uint32_t retry_ms = 0) {
    return call_ == nullptr ? code : call_->ops->fail(call_, code, retry_ms, view(message));
  }
  /// Runs another task type of this worker inside this call and returns its result; its output
  /// joins ours. Throws Fault with its code and message. Needs "skep.svc.task/1" in "requires".
  Json task(std::string_view type, const Json& params = Json::object()) {
    TextSink answer;
    HostError error;
    error.check(
        need_service<skep_svc_task_v1>(SKEP_SVC_TASK)
            .run(host(), call_, view(type), view(params.dump()), answer.sink(), error.out()));
    return Json::parse(answer.take());
  }

 private:
  skep_call* const call_ = nullptr;
  const std::string_view request_;
  Json parsed_;
  std::mutex mutex_;
#ifdef __cpp_lib_jthread
  std::unique_ptr<StopOnCancel> stop_;  // under mutex_; last: it goes first
#endif
};

/// Runs `body(Call&)`, which may throw, and reports to the caller's skep_err.
template <class Body>
skep_rc guarded_call(skep_call* handle, skep_err* err, Body&& body) noexcept {
  return guarded(err, [&] {
    Call call(handle);
    std::forward<Body>(body)(call);
  });
}

/// Runs `body(Call&)` of a task or a script, which may throw, and reports by fail().
template <class Body>
skep_rc guarded_run(skep_call* handle, std::string_view request, Body&& body) noexcept {
  Call call(handle, request);
  try {
    return std::forward<Body>(body)(call);
  } catch (const Fault& fault) {
    return call.fail(fault.code(), fault.what(), fault.retry_ms());
  } catch (const std::bad_alloc&) {
    return call.fail(SKEP_E_NO_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    return call.fail(SKEP_E_INTERNAL, e.what());
  } catch (...) {
    return call.fail(SKEP_E_INTERNAL, "an exception of unknown type");
  }
}

}  // namespace skep

#endif
