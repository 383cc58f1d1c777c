#include "core/plugin/adapters/task_call.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "core/base/json.hpp"
#include "core/plugin/adapters/call_wait.hpp"
#include "core/plugin/boundary.hpp"
#include "core/plugin/log_line.hpp"
#include "core/plugin/services/host.hpp"
#include "skep/svc/artifact.h"

namespace skep::plugin {
namespace {

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

/// Does something with the call behind a handle; `over` when it has ended. Our own callbacks may
/// throw (out of memory); plugin frames must never be unwound.
template <class R, class Body>
R in_call(skep_call* handle, R over, R broken, Body&& body) noexcept {
  CallHandle& lent = CallHandle::of(handle);
  R out = over;
  if (TaskCall* call = lent.enter()) {
    try {
      out = body(*call);
    } catch (...) {
      out = broken;
    }
  }
  lent.leave();
  return out;
}

template <class Body>
skep_rc said_by(skep_call* handle, Body&& body) noexcept {
  return in_call<skep_rc>(handle, SKEP_E_STATE, SKEP_E_INTERNAL, std::forward<Body>(body));
}

std::string refusal(std::uint64_t bytes) {
  return "the result has " + std::to_string(bytes) + " bytes; at most 4194304 are allowed";
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

namespace {

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
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
      serial_(next_serial()),
      handle_(CallHandle::lend(*this, ops())) {}

TaskCall::~TaskCall() {
  handle_.close();
  end_waits();
  handle_.take_back();
  drop_open_artifacts(serial_);
  if (slot_of_ != nullptr) slot_of_->release();
  try {
    write_rest();
  } catch (...) {
    // What a stream held back is lost with the memory that it needed.
  }
}

bool TaskCall::enter(ConcurrencyGate& gate) {
  if (!gate.acquire(cancel_.fd(), deadline_)) return false;
  slot_of_ = &gate;
  return true;
}

void TaskCall::note(model::Cause cause) {
  const MutexLock lock(mutex_);
  said_.cause = cause;
}

skep_rc TaskCall::set_result(std::string_view json) {
  const bool fits = json.size() <= kMaxResultBytes;
  const MutexLock lock(mutex_);
  said_.refused_result_bytes = fits ? 0 : json.size();
  said_.result.assign(fits ? json : std::string_view());
  return fits ? SKEP_OK : SKEP_E_INVALID;
}

void TaskCall::write(bool is_stderr, std::string_view bytes) {
  if (!events_.output) return;
  const auto masks = masks_of(plugin_id_);
  if (!masks) return events_.output(is_stderr, bytes);
  std::string shown;
  {
    const MutexLock lock(mutex_);
    shown = streams_[is_stderr ? 1 : 0].add(bytes, *masks);
  }
  if (!shown.empty()) events_.output(is_stderr, shown);
}

void TaskCall::write_rest() {
  const auto masks = masks_of(plugin_id_);
  if (!masks || !events_.output) return;
  for (const bool is_stderr : {false, true}) {
    std::string rest;
    {
      const MutexLock lock(mutex_);
      rest = streams_[is_stderr ? 1 : 0].rest(*masks);
    }
    if (!rest.empty()) events_.output(is_stderr, rest);
  }
}

skep_rc TaskCall::refuse_channel(std::uint32_t channel) {
  if (channel < SKEP_CH_ARTIFACT) return SKEP_E_INVALID;
  if (!has_refused_channel_.exchange(true)) {
    JsonOut fields;
    fields.object().key("channel").integer(channel);
    fields.key("hint").str(
        "channels from 16 on are reserved: leave artifacts by " SKEP_SVC_ARTIFACT);
    log(SKEP_LOG_WARN, "channel_unsupported", fields.end_object().text());
  }
  return SKEP_E_UNSUPPORTED;
}

skep_rc TaskCall::emit(std::uint32_t channel, std::string_view bytes) {
  skep_rc rc = SKEP_OK;
  switch (channel) {
    case SKEP_CH_STDOUT:
    case SKEP_CH_STDERR:
      write(channel == SKEP_CH_STDERR, bytes);
      break;
    case SKEP_CH_RESULT:
      rc = set_result(bytes);
      break;
    case SKEP_CH_LOG:
      if (const auto masks = masks_of(plugin_id_); events_.log)
        events_.log(masks ? masks->hide_json(bytes) : std::string(bytes));
      else
        log(SKEP_LOG_INFO, "task_log", bytes);
      break;
    default:
      return refuse_channel(channel);
  }
  return rc == SKEP_OK && reason() != ports::CancelReason::kNone ? SKEP_E_CANCELLED : rc;
}

skep_rc TaskCall::progress(std::uint32_t permille, skep_view note) const {
  if (permille > 1000) return SKEP_E_INVALID;
  if (!events_.progress) return SKEP_OK;
  const std::string text = clean_text(note);
  const auto masks = masks_of(plugin_id_);
  events_.progress(permille, masks ? masks->hide(text) : text);
  return SKEP_OK;
}

skep_rc TaskCall::fail(skep_rc code, std::uint32_t retry_ms, skep_view message) {
  std::string text = clean_message(message);
  const MutexLock lock(mutex_);
  said_.failed_with = code < 0 ? code : SKEP_E_INTERNAL;
  said_.retry_ms = retry_ms;
  said_.message = std::move(text);
  return said_.failed_with;
}

void TaskCall::log(std::uint32_t level, std::string_view event, std::string_view fields_json) {
  if (log_) return log_(level, event, fields_json);
  std::string members;
  if (request_ != nullptr && !request_->task.type.empty()) {
    JsonOut out;
    out.object().key("component").str(request_->task.type);
    out.key("task_id").str(request_->task.lease.task_id).end_object();
    members = out.text().substr(1, out.text().size() - 2);
  }
  write_line(level, plugin_id_, plugin_id_, event, members, fields_json);
}

ports::CancelReason TaskCall::reason() {
  if (cancel_.reason() == ports::CancelReason::kNone && deadline_ != 0 &&
      monotonic_ns() >= deadline_ns())
    cancel_.cancel(ports::CancelReason::kDeadline);
  return cancel_.reason();
}

std::int64_t TaskCall::deadline_ns() const { return deadline_in_ns(deadline_); }

/// -1 on the task's own thread, which cannot wait beyond the end.
int TaskCall::ended_fd() {
  if (is_on_its_thread()) return -1;
  const MutexLock lock(mutex_);
  if (!ended_) ended_.reset(::eventfd(is_over_ ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK));
  return ended_.get();
}

void TaskCall::end_waits() {
  const MutexLock lock(mutex_);
  is_over_ = true;
  const std::uint64_t one = 1;
  if (ended_) [[maybe_unused]]
    const auto written = ::write(ended_.get(), &one, sizeof(one));
}

std::int32_t TaskCall::wait(std::int64_t until_ns) {
  const std::int64_t last = std::min(until_ns, deadline_ns());
  const std::array<int, 2> fds{cancel_.fd(), ended_fd()};
  while (reason() == ports::CancelReason::kNone && monotonic_ns() < last)
    if (poll_until(fds, last)) return SKEP_CANCEL_USER;  // run() has returned
  return static_cast<std::int32_t>(reason());
}

const skep_call_ops& TaskCall::ops() {
  static constexpr skep_call_ops table{
      sizeof(skep_call_ops),
      0,
      [](skep_call* c, std::uint32_t channel, skep_view bytes) noexcept {
        return said_by(c, [&](TaskCall& call) { return call.emit(channel, text(bytes)); });
      },
      [](skep_call* c, std::uint32_t permille, skep_view note) noexcept {
        return said_by(c, [&](TaskCall& call) { return call.progress(permille, note); });
      },
      [](skep_call* c, skep_rc code, std::uint32_t retry_ms, skep_view message) noexcept {
        return said_by(c, [&](TaskCall& call) { return call.fail(code, retry_ms, message); });
      },
      [](skep_call* c) noexcept {
        return in_call<std::int32_t>(c, SKEP_CANCEL_USER, SKEP_CANCEL_USER, [](TaskCall& call) {
          return static_cast<std::int32_t>(call.reason());
        });
      },
      [](skep_call* c) noexcept {
        return in_call<std::int64_t>(c, 0, 0, [](TaskCall& call) { return call.deadline_ns(); });
      },
      [](skep_call* c, std::int64_t until_ns) noexcept {
        return in_call<std::int32_t>(c, SKEP_CANCEL_USER, SKEP_CANCEL_USER,
                                     [&](TaskCall& call) { return call.wait(until_ns); });
      },
      [](skep_call* c) noexcept {
        return in_call<std::int32_t>(c, -1, -1, [](TaskCall& call) { return call.cancel_.fd(); });
      },
      [](skep_call* c, std::uint32_t level, skep_view event, skep_view fields) noexcept {
        said_by(c, [&](TaskCall& call) {
          call.log(level, text(event), text(fields));
          return SKEP_OK;
        });
      }};
  return table;
}

TaskCall::Said TaskCall::take_said() {
  const MutexLock lock(mutex_);
  return std::exchange(said_, {});
}

void TaskCall::put_said(Said said) {
  if (said.result.size() > kMaxResultBytes) said.refused_result_bytes = said.result.size();
  if (said.refused_result_bytes > 0) said.result.clear();
  said.message = clean_message(to_view(said.message));
  if (said.failed_with > 0) said.failed_with = SKEP_E_INTERNAL;
  std::erase_if(said.artifacts, [](const model::Artifact& a) {
    return !model::is_artifact_name(a.name) || !model::is_media_type(a.media_type);
  });
  std::vector<model::Artifact> left = std::exchange(said.artifacts, {});
  {
    const MutexLock lock(mutex_);
    said.artifacts = std::move(said_.artifacts);
    said_ = std::move(said);
  }
  add_artifacts(std::move(left));
}

Result<TaskCall::ArtifactPlace> TaskCall::begin_artifact(std::string_view name) {
  if (request_ == nullptr || request_->folder.empty())
    return Error{Code::kUnsupported, "tasks can leave no artifacts here"};
  const MutexLock lock(mutex_);
  if (artifact_names_.contains(name))
    return invalid("the task has an artifact " + std::string(name) + " already");
  if (artifact_names_.size() >= model::kMostArtifacts)
    return invalid("artifact " + std::string(name) + ": a task may leave 64");
  artifact_names_.emplace(name);
  return ArtifactPlace{request_->folder, request_->artifact_bytes};
}

void TaskCall::drop_artifact(std::string_view name) {
  const MutexLock lock(mutex_);
  if (const auto at = artifact_names_.find(name); at != artifact_names_.end())
    artifact_names_.erase(at);
}

void TaskCall::keep_artifact(model::Artifact artifact) {
  const MutexLock lock(mutex_);
  said_.artifacts.push_back(std::move(artifact));
}

/// Of a task inside of this one, or of the same in another process. A name that is taken stays with
/// who took it.
void TaskCall::add_artifacts(std::vector<model::Artifact> more) {
  for (model::Artifact& a : more) {
    const MutexLock lock(mutex_);
    if (artifact_names_.size() < model::kMostArtifacts && artifact_names_.insert(a.name).second)
      said_.artifacts.push_back(std::move(a));
    else
      skep::log::warn("artifact_dropped",
                      {{"artifact", a.name}, {"reason", "its name is taken, or there are 64"}});
  }
}

model::Outcome TaskCall::succeeded(Said said) {
  if (said.refused_result_bytes > 0)
    return failed_outcome(invalid(refusal(said.refused_result_bytes)), false);
  model::Outcome out;
  out.kind = model::OutcomeKind::kSucceeded;
  out.result = said.result.empty() ? "null" : std::move(said.result);
  return out;
}

model::Outcome TaskCall::failed(skep_rc rc, Said said) {
  const auto why = cancel_.reason();
  const bool stopped = rc == SKEP_E_CANCELLED && why != ports::CancelReason::kNone;
  Error error{stopped ? code_of(why) : code_from_abi(rc), std::move(said.message)};
  // What emit() said of the result, passed on as it was.
  if (error.message.empty() && rc == SKEP_E_INVALID && said.refused_result_bytes > 0)
    error.message = refusal(said.refused_result_bytes);
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
  if (retryable) error.retry_after = std::chrono::milliseconds(said.retry_ms);
  model::Outcome out = failed_outcome(error, retryable);
  if (stopped && error.code == Code::kCancelled) out.kind = model::OutcomeKind::kCancelled;
  out.result = std::move(said.result);
  if (said.cause != model::Cause::kTask) out.cause = said.cause;
  return out;
}

model::Outcome TaskCall::broken(const Error& error) {
  end_ = CallEnd::kFault;
  return failed_outcome(error, false);
}

model::Outcome TaskCall::outcome(skep_rc rc) {
  Said said = take_said();
  std::vector<model::Artifact> left = std::exchange(said.artifacts, {});
  model::Outcome out = ended(rc, std::move(said));
  out.artifacts = std::move(left);
  return out;
}

model::Outcome TaskCall::ended(skep_rc rc, Said said) {
  const std::string who = "plugin " + std::string(plugin_id_);
  if (!said.result.empty())
    if (const auto checked = check_json(said.result); !checked)
      return broken(
          {Code::kCorrupt, who + " emitted a result that is not JSON: " + checked.error().message});
  if (rc > 0) return broken(bad_return(rc).within(who + ": run()"));
  // A plugin that records a failure and then returns 0 has lost the code on its way out.
  if (rc == SKEP_OK) rc = said.failed_with;
  return rc == SKEP_OK ? succeeded(std::move(said)) : failed(rc, std::move(said));
}

void TaskCall::give_up() {
  if (cancel_.reason() == ports::CancelReason::kNone)
    cancel_.cancel(ports::CancelReason::kDeadline);
}

/// What a task inside says joins what this one says, without the secrets of either.
ports::TaskEvents TaskCall::joined() {
  return {[this](bool is_stderr, std::string_view bytes) { write(is_stderr, bytes); },
          [this](std::uint32_t permille, std::string_view note) {
            static_cast<void>(progress(permille, to_view(note)));
          },
          [this](std::string_view json) { static_cast<void>(emit(SKEP_CH_LOG, json)); }};
}

Result<std::string> TaskCall::run_task(std::string_view type, std::string_view params_json) {
  if (!is_on_its_thread())
    return Error{Code::kState, "task " + std::string(type) +
                                   " can only be run on the thread that run() was called on"};
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
  auto outcome = nested_->run(inner, deadline_, cancel_, joined());
  if (gate != nullptr) enter(*gate);  // without one it has been told to stop
  if (outcome.cause == model::Cause::kSignal) note(outcome.cause);
  add_artifacts(std::exchange(outcome.artifacts, {}));
  if (outcome.kind == model::OutcomeKind::kSucceeded) return std::move(outcome.result);
  return error_in(outcome, type);
}

}  // namespace skep::plugin
