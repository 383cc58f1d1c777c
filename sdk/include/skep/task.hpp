// C++20 layer for task types. See skep/kind/task.h for the contract of each call.
#ifndef SKEP_TASK_HPP
#define SKEP_TASK_HPP

#include "skep/json.hpp"
#include "skep/kind/task.h"
#include "skep/plugin.hpp"
#include "skep/svc/task.h"

namespace skep {

/// One running task. Valid until run() returns; use it on the thread that runs the task.
class Call {
 public:
  Call(skep_call* call, const skep_call_ops* ops, std::string_view request)
      : call_(call), ops_(ops), request_(request) {}

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
    return ops_->emit(call_, channel, view(bytes));
  }
  skep_rc progress(std::uint32_t permille, std::string_view note = {}) {
    return ops_->progress(call_, permille, view(note));
  }
  /// Records the failure; return what it returns.
  skep_rc fail(skep_rc code, std::string_view message, std::uint32_t retry_ms = 0) {
    return ops_->fail(call_, code, retry_ms, view(message));
  }
  bool cancelled() const { return ops_->cancelled(call_) != 0; }
  int cancel_reason() const { return ops_->cancelled(call_); }
  std::int64_t deadline_ns() const { return ops_->deadline_ns(call_); }
  /// Sleeps until `until_ns` (CLOCK_MONOTONIC); false when cancelled.
  bool wait_until(std::int64_t until_ns) { return ops_->wait(call_, until_ns) == 0; }
  int cancel_fd() const { return ops_->cancel_fd(call_); }
  /// Runs another task type of this worker inside this call and returns its result; its output
  /// joins ours. Throws Fault with its code and message. Needs "skep.svc.task/1" in "requires".
  Json task(std::string_view type, const Json& params = Json::object()) {
    const auto* svc = service<skep_svc_task_v1>(SKEP_SVC_TASK);
    if (svc == nullptr) throw Fault(SKEP_E_UNSUPPORTED, "this host has no " SKEP_SVC_TASK);
    std::string answer;
    const skep_sink sink{
        &answer, [](void* to, skep_view bytes) noexcept {
          return guarded(nullptr, [&] { static_cast<std::string*>(to)->append(text(bytes)); });
        }};
    HostError error;
    error.check(svc->run(host(), call_, view(type), view(params.dump()), &sink, error.out()));
    return Json::parse(answer);
  }
  skep_call* handle() const noexcept { return call_; }

 private:
  skep_call* call_;
  const skep_call_ops* ops_;
  std::string_view request_;
  Json parsed_;
};

/// A task type. run() is called by several threads at once, up to max_concurrency.
class Task : public Component {
 public:
  virtual skep_rc run(Call& call) = 0;

  static constexpr const char* kKind = SKEP_KIND_TASK;
  template <class T>
  static const skep_task_v1* table() {
    static const skep_task_v1 t{sizeof(skep_task_v1), 0,
                                [](skep_inst* inst, skep_call* c, const skep_call_ops* ops,
                                   skep_view request) noexcept -> skep_rc {
                                  Call call(c, ops, text(request));
                                  try {
                                    return static_cast<Task*>(to_component(inst))->run(call);
                                  } catch (const Fault& fault) {
                                    return call.fail(fault.code(), fault.what(), fault.retry_ms());
                                  } catch (const std::bad_alloc&) {
                                    return call.fail(SKEP_E_NO_MEMORY, "out of memory");
                                  } catch (const std::exception& e) {
                                    return call.fail(SKEP_E_INTERNAL, e.what());
                                  } catch (...) {
                                    return call.fail(SKEP_E_INTERNAL,
                                                     "an exception of unknown type");
                                  }
                                }};
    return &t;
  }
};

}  // namespace skep

/// A plugin with one task type; its name is the manifest's.
#define SKEP_TASK_PLUGIN(T) SKEP_PLUGIN(skep::component<T>("*"))

#endif
