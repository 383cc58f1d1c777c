#include "core/plugin/adapters/task_call.hpp"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/plugin/boundary.hpp"

namespace skep::plugin {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

std::int64_t now_ns() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

/// What a plugin may ask to be tried again for.
bool is_retry_code(Code code) {
  return code == Code::kBusy || code == Code::kUnavailable || code == Code::kNotHere;
}

/// Whose fault a failure with this code is; `told` = the plugin gave a message.
CallEnd end_of(Code code, bool told) {
  if (!told) return CallEnd::kFault;
  constexpr std::array kOfTheInput{Code::kInvalid, Code::kCancelled, Code::kDeadline,
                                   Code::kNotHere};
  constexpr std::array kOfTheCode{Code::kInternal, Code::kCorrupt, Code::kState, Code::kNoMemory};
  const auto in = [&](const auto& codes) {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
  };
  if (in(kOfTheInput)) return CallEnd::kOk;
  return in(kOfTheCode) ? CallEnd::kFault : CallEnd::kFailed;
}

/// What a failed outcome's error document says.
Error error_in(const model::Outcome& outcome, std::string_view type) {
  Error out{Code::kFailed, std::string(type) + " failed"};
  if (outcome.kind == model::OutcomeKind::kCancelled) out.code = Code::kCancelled;
  const auto parsed = parse_json(outcome.error);
  const auto* o = parsed ? parsed->if_object() : nullptr;
  if (o == nullptr) return out;
  out.name = get_string(*o, "code");
  out.message = get_string(*o, "message");
  out.code = code_named(out.name).value_or(out.code);
  if (out.name == ports::kUnknownType) out.code = Code::kNotFound;
  if (out.name == ports::kParamsRefused) out.code = Code::kInvalid;
  out.retry_after = Millis(outcome.retry_after_ms);
  return out;
}

/// Our own callbacks may throw (out of memory); plugin frames must never be unwound.
template <class Body>
skep_rc shielded(Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    return SKEP_E_INTERNAL;
  }
}

TaskCall*& current_call() {
  thread_local TaskCall* call = nullptr;
  return call;
}

std::string_view reason_text(ports::CancelReason reason) {
  switch (reason) {
    case ports::CancelReason::kNone:
      return "the task stopped";
    case ports::CancelReason::kUser:
      return "cancelled by an operator";
    case ports::CancelReason::kDeadline:
      return "the task ran into its time limit";
    case ports::CancelReason::kReload:
      return "stopped because its plugin is being replaced";
    case ports::CancelReason::kShutdown:
      return "stopped because the worker shuts down";
    case ports::CancelReason::kLeaseLost:
      return "stopped because its lease was lost";
  }
  return "the task stopped";
}

/// What a task that was stopped came to. A reload is nobody's wish to end it: another attempt runs
/// on the new version.
Code code_of(ports::CancelReason reason) {
  if (reason == ports::CancelReason::kDeadline) return Code::kDeadline;
  return reason == ports::CancelReason::kReload ? Code::kUnavailable : Code::kCancelled;
}

}  // namespace

model::Outcome failed_outcome(const Error& error, bool retryable) {
  JsonOut out;
  out.object().key("code").str(error.id()).key("message").str(error.message);
  if (!error.next.empty()) out.key("next").str(error.next);
  model::Outcome outcome;
  outcome.kind = model::OutcomeKind::kFailed;
  outcome.error = out.end_object().take();
  outcome.retryable = retryable;
  outcome.retry_after_ms = error.retry_after.count();
  if (error.code == Code::kNotHere) outcome.cause = model::Cause::kNode;
  return outcome;
}

TaskCall::TaskCall(std::string_view plugin_id, MonoMs deadline, ports::CancelToken& cancel,
                   const ports::TaskEvents& events)
    : plugin_id_(plugin_id),
      deadline_(deadline),
      cancel_(cancel),
      events_(events),
      outer_(std::exchange(current_call(), this)) {}

TaskCall::~TaskCall() {
  if (slot_of_ != nullptr) slot_of_->release();
  current_call() = outer_;
}

bool TaskCall::enter(ConcurrencyGate& gate) {
  if (!gate.acquire(cancel_.fd(), deadline_)) return false;
  slot_of_ = &gate;
  return true;
}

TaskCall* TaskCall::current() { return current_call(); }

skep_rc TaskCall::set_result(std::string_view json) {
  if (json.size() > kMaxResultBytes) {
    refused_result_bytes_ = json.size();
    result_.clear();
    return SKEP_E_INVALID;
  }
  refused_result_bytes_ = 0;
  result_.assign(json);
  return SKEP_OK;
}

skep_rc TaskCall::emit(std::uint32_t channel, std::string_view bytes) {
  skep_rc rc = SKEP_OK;
  switch (channel) {
    case SKEP_CH_STDOUT:
    case SKEP_CH_STDERR:
      if (events_.output) events_.output(channel == SKEP_CH_STDERR, bytes);
      break;
    case SKEP_CH_RESULT:
      rc = set_result(bytes);
      break;
    case SKEP_CH_LOG:
      if (events_.log)
        events_.log(bytes);
      else
        log::write_json(log::Level::kInfo, plugin_id_, "task_log", bytes);
      break;
    default:
      return channel >= SKEP_CH_ARTIFACT ? SKEP_E_UNSUPPORTED : SKEP_E_INVALID;
  }
  return rc == SKEP_OK && reason() != ports::CancelReason::kNone ? SKEP_E_CANCELLED : rc;
}

skep_rc TaskCall::progress(std::uint32_t permille, skep_view note) const {
  if (permille > 1000) return SKEP_E_INVALID;
  if (events_.progress) events_.progress(permille, clean_text(note));
  return SKEP_OK;
}

skep_rc TaskCall::fail(skep_rc code, std::uint32_t retry_ms, skep_view message) {
  failed_with_ = code < 0 ? code : SKEP_E_INTERNAL;
  retry_ms_ = retry_ms;
  message_ = clean_message(message);
  return failed_with_;
}

ports::CancelReason TaskCall::reason() {
  if (cancel_.reason() == ports::CancelReason::kNone && deadline_ != 0 && now_ns() >= deadline_ns())
    cancel_.cancel(ports::CancelReason::kDeadline);
  return cancel_.reason();
}

std::int64_t TaskCall::deadline_ns() const {
  return deadline_ == 0 || deadline_ > kForever / kNsPerMs ? kForever : deadline_ * kNsPerMs;
}

std::int32_t TaskCall::wait(std::int64_t until_ns) {
  for (;;) {
    const auto why = reason();
    const std::int64_t left = std::min(until_ns, deadline_ns()) - now_ns();
    if (why != ports::CancelReason::kNone || left <= 0) return static_cast<std::int32_t>(reason());
    const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
    pollfd fd{cancel_.fd(), POLLIN, 0};
    ::ppoll(&fd, 1, &timeout, nullptr);
  }
}

const skep_call_ops& TaskCall::ops() {
  static constexpr skep_call_ops table{
      sizeof(skep_call_ops),
      0,
      [](skep_call* c, std::uint32_t channel, skep_view bytes) noexcept {
        return shielded([&] { return of(c).emit(channel, text(bytes)); });
      },
      [](skep_call* c, std::uint32_t permille, skep_view note) noexcept {
        return shielded([&] { return of(c).progress(permille, note); });
      },
      [](skep_call* c, skep_rc code, std::uint32_t retry_ms, skep_view message) noexcept {
        return shielded([&] { return of(c).fail(code, retry_ms, message); });
      },
      [](skep_call* c) noexcept { return static_cast<std::int32_t>(of(c).reason()); },
      [](skep_call* c) noexcept { return of(c).deadline_ns(); },
      [](skep_call* c, std::int64_t until_ns) noexcept { return of(c).wait(until_ns); },
      [](skep_call* c) noexcept -> std::int32_t { return of(c).cancel_.fd(); }};
  return table;
}

TaskCall::Said TaskCall::take_said() {
  return {std::move(result_), refused_result_bytes_, failed_with_,
          retry_ms_,          std::move(message_),   cause_};
}

void TaskCall::put_said(Said said) {
  refused_result_bytes_ = said.result.size() > kMaxResultBytes
                              ? said.result.size()
                              : std::size_t{said.refused_result_bytes};
  cause_ = said.cause;
  result_ = refused_result_bytes_ > 0 ? std::string() : std::move(said.result);
  if (said.failed_with != SKEP_OK)
    fail(said.failed_with, said.retry_ms, {said.message.data(), said.message.size()});
}

std::string TaskCall::refusal() const {
  return "the result has " + std::to_string(refused_result_bytes_) +
         " bytes; at most 4194304 are allowed";
}

model::Outcome TaskCall::succeeded() {
  if (refused_result_bytes_ > 0) return failed_outcome(invalid(refusal()), false);
  model::Outcome out;
  out.kind = model::OutcomeKind::kSucceeded;
  out.result = result_.empty() ? "null" : std::move(result_);
  return out;
}

model::Outcome TaskCall::failed(skep_rc rc) {
  const auto why = cancel_.reason();
  const bool stopped = rc == SKEP_E_CANCELLED && why != ports::CancelReason::kNone;
  Error error{stopped ? code_of(why) : code_from_abi(rc), std::move(message_)};
  // What emit() said of the result, passed on as it was.
  if (error.message.empty() && rc == SKEP_E_INVALID && refused_result_bytes_ > 0)
    error.message = refusal();
  const bool silent = error.message.empty();
  if (silent && stopped)
    error.message = reason_text(why);
  else if (stopped && why == ports::CancelReason::kReload)
    error = error.within(reason_text(why));
  if (error.message.empty())
    error.message = "plugin " + std::string(plugin_id_) + " failed with \"" +
                    std::string(error.id()) + "\" and no message (a defect of the plugin)";
  end_ = stopped ? CallEnd::kOk : end_of(error.code, !silent);
  const bool retryable = is_retry_code(error.code);
  if (retryable) error.retry_after = std::chrono::milliseconds(retry_ms_);
  model::Outcome out = failed_outcome(error, retryable);
  if (stopped && error.code == Code::kCancelled) out.kind = model::OutcomeKind::kCancelled;
  out.result = std::move(result_);
  if (cause_ != model::Cause::kTask) out.cause = cause_;
  return out;
}

model::Outcome TaskCall::broken(const Error& error) {
  end_ = CallEnd::kFault;
  return failed_outcome(error, false);
}

model::Outcome TaskCall::outcome(skep_rc rc) {
  const std::string who = "plugin " + std::string(plugin_id_);
  if (!result_.empty())
    if (const auto checked = check_json(result_); !checked)
      return broken(
          {Code::kCorrupt, who + " emitted a result that is not JSON: " + checked.error().message});
  if (rc > 0) return broken(bad_return(rc).within(who + ": run()"));
  // A plugin that records a failure and then returns 0 has lost the code on its way out.
  if (rc == SKEP_OK) rc = failed_with_;
  return rc == SKEP_OK ? succeeded() : failed(rc);
}

void TaskCall::give_up() {
  if (cancel_.reason() == ports::CancelReason::kNone)
    cancel_.cancel(ports::CancelReason::kDeadline);
}

Result<std::string> TaskCall::run_task(std::string_view type, std::string_view params_json) {
  if (nested_ == nullptr) return Error{Code::kState, "this host runs no tasks inside of tasks"};
  if (request_->depth + 1 >= kMaxDepth)
    return Error{Code::kState, "task " + std::string(type) + " would be number " +
                                   std::to_string(kMaxDepth + 1) + " of tasks inside each other"};
  ports::RunRequest inner = *request_;
  inner.task.type = type;
  inner.task.params = params_json.empty() ? "{}" : std::string(params_json);
  ++inner.depth;
  ConcurrencyGate* const gate = std::exchange(slot_of_, nullptr);
  if (gate != nullptr) gate->release();
  auto outcome = nested_->run(inner, deadline_, cancel_, events_);
  if (gate != nullptr) enter(*gate);  // without one it has been told to stop
  if (outcome.cause == model::Cause::kSignal) note(outcome.cause);
  if (outcome.kind == model::OutcomeKind::kSucceeded) return std::move(outcome.result);
  return error_in(outcome, type);
}

}  // namespace skep::plugin
