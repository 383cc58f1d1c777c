#include "core/plugin/isolation/child_call.hpp"

#include <signal.h>

#include <utility>

#include "core/plugin/boundary.hpp"
#include "core/plugin/log_line.hpp"
#include "core/plugin/view.hpp"
#include "core/proc/ending.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::plugin {
namespace {

using Wake = ChildProcess::Wake;

constexpr std::size_t kMaxLogBytes = 1u << 20;  // one document on the log channel

}  // namespace

ChildCall::ChildCall(Child& child, TaskCall& call)
    : child_(child),
      process_(*child.process_),
      call_(call),
      budget_(static_cast<std::uint64_t>(process_.plugin().limits.output_mb) << 20),
      deadline_(call.control().deadline) {}

model::Outcome ChildCall::run(std::string_view script_id, std::string_view request_json) {
  process_.cancel().reset();
  process_.lines().forget();
  process_.speaks_for(call_.owner());
  if (TaskCall::ops().cancelled(call_.handle()) != 0) forward_cancel();
  const std::string body = pack_run({deadline_, call_.owner(), script_id, request_json});
  if (!process_.link().send(frames::Type::kRun, 0, body, kSendWaitMs)) return crashed();
  // Most answer at once: to wait on the connection alone is cheaper than to poll all there is.
  if (!cancelled_)
    if (auto outcome = on_frames(true)) return std::move(*outcome);
  for (;;)
    if (auto outcome = step()) return std::move(*outcome);
}

ChildCall::Ended ChildCall::step() {
  const int cancel_fd = cancelled_ ? -1 : call_.control().cancel_fd;
  switch (process_.wait(cancel_fd, cancelled_ ? kill_at_ : deadline_)) {
    case Wake::kFrame:
      return on_frames(false);
    case Wake::kCancel:
      forward_cancel();
      return std::nullopt;
    case Wake::kTime:
      return on_time();
    case Wake::kExited:
      break;
  }
  auto outcome = on_frames(false);
  return outcome ? std::move(outcome) : Ended(crashed());
}

/// All frames that are there, so that a child which answers and exits is heard to its end.
ChildCall::Ended ChildCall::on_frames(bool wait) {
  for (;;) {
    const auto frame = process_.link().receive(std::exchange(wait, false));
    if (!frame && frame.error().code == Code::kCorrupt) return violated(frame.error().message);
    if (!frame) return crashed();
    if (!*frame) return std::nullopt;
    if (auto outcome = on_frame(**frame)) return outcome;
    if (is_due()) return std::nullopt;
  }
}

/// Time for step() to look: a child that never stops talking must not keep us from it.
bool ChildCall::is_due() {
  if (cancelled_) return proc::monotonic_ms() >= kill_at_;
  return TaskCall::ops().cancelled(call_.handle()) != 0;
}

ChildCall::Ended ChildCall::on_frame(const frames::Frame& frame) {
  if (!spend(frame.body.size()))
    return violated("wrote more than " + std::to_string(process_.plugin().limits.output_mb) +
                    " MiB in one task (limits.output_mb)");
  if (frame.type == frames::Type::kEmit) return on_emit(frame);
  if (frame.type == frames::Type::kAsk) return on_ask(frame);
  if (frame.type == frames::Type::kDone) return on_done(frame);
  if (frame.type == frames::Type::kCallLog) return on_log(frame);
  if (child_.on_word(frame)) return std::nullopt;
  if (frame.type != frames::Type::kProgress) return violated("sent a frame out of turn");
  TaskCall::ops().progress(call_.handle(), static_cast<std::uint32_t>(frame.value),
                           to_view(frame.body));
  return std::nullopt;
}

bool ChildCall::spend(std::size_t bytes) {
  constexpr std::size_t kFrameCost = 16;  // frames without a body must not be free
  if (bytes + kFrameCost > budget_) return false;
  budget_ -= bytes + kFrameCost;
  return true;
}

ChildCall::Ended ChildCall::on_emit(const frames::Frame& frame) {
  const auto channel = static_cast<std::uint32_t>(frame.value);
  if (channel == SKEP_CH_STDOUT || channel == SKEP_CH_STDERR) {
    TaskCall::ops().emit(call_.handle(), channel, to_view(frame.body));
    return std::nullopt;
  }
  if (channel != SKEP_CH_LOG) return violated("emitted on an unknown channel");
  const auto document = log_parts_.add(frame, kMaxLogBytes);
  if (!document) return violated(document.error().message);
  if (*document) TaskCall::ops().emit(call_.handle(), channel, to_view(**document));
  return std::nullopt;
}

ChildCall::Ended ChildCall::on_log(const frames::Frame& frame) {
  frames::Unpacker in(frame.body);
  const std::string_view event = in.text();
  const std::string_view fields = in.text();
  if (frame.more || !in.ok()) return std::nullopt;  // a line of log is not worth a child
  call_.log(static_cast<std::uint32_t>(frame.value), event,
            with_members("\"generation\":" + std::to_string(process_.plugin().generation), fields));
  process_.keep_line(clean_text(to_view(event)) + " " + clean_text(to_view(fields)));
  return std::nullopt;
}

ChildCall::Ended ChildCall::on_ask(const frames::Frame& frame) {
  const Status served = child_.serve_ask(frame, &call_);
  if (served) return std::nullopt;
  return served.error().code == Code::kCorrupt ? violated(served.error().message) : crashed();
}

ChildCall::Ended ChildCall::on_done(const frames::Frame& frame) {
  const skep_rc rc = frame.value;
  const auto body = parts_.add(frame);
  if (!body) return violated(body.error().message);
  if (!*body) return std::nullopt;
  auto done = unpack_done(**body);
  if (!done) return violated("ended its task with nonsense");
  return finished(rc, std::move(*done));
}

model::Outcome ChildCall::finished(skep_rc rc, DoneFrame done) {
  if (!done.threw.empty()) {
    call_.blame(CallEnd::kCrash);
    return failed_outcome(threw(done.threw).within("plugin " + process_.plugin().plugin_id), false);
  }
  if (done.threads_left > 0)
    return violated("left " + std::to_string(done.threads_left) +
                    (done.threads_left == 1 ? " thread" : " threads") +
                    " running after its task ended");
  TaskCall::ops().cancelled(call_.handle());  // finds out that the deadline has passed
  call_.put_said(std::move(done.said));
  child_.out_of_memory_ = rc == SKEP_E_NO_MEMORY;
  return call_.outcome(rc);
}

ChildCall::Ended ChildCall::on_time() {
  if (!cancelled_) {
    forward_cancel();
    return std::nullopt;
  }
  const std::string message = "it did not stop within " +
                              std::to_string(process_.plugin().grace().count()) +
                              " ms after it was told to, and its process was killed";
  [[maybe_unused]] const Error killed = child_.violated("was deaf to cancellation");
  call_.put_said({"", 0, SKEP_E_CANCELLED, 0, message});
  auto outcome = call_.outcome(SKEP_E_CANCELLED);
  // Who has to be killed after a cancellation may have waited for something: no defect by itself.
  if (call_.reason() == ports::CancelReason::kDeadline) call_.blame(CallEnd::kFault);
  return outcome;
}

void ChildCall::forward_cancel() {
  const std::int32_t reason = TaskCall::ops().cancelled(call_.handle());
  if (reason == 0) return;
  cancelled_ = true;
  kill_at_ = proc::monotonic_ms() + process_.plugin().grace().count();
  process_.cancel().cancel(reason);
}

model::Outcome ChildCall::crashed() {
  if (child_.doomed_) {
    child_.state_ = Child::State::kKilled;
    return failed_outcome(
        unavailable("plugin " + process_.plugin().plugin_id + " was stopped while the task ran"),
        true);
  }
  const bool was_running = process_.is_running();
  auto outcome = failed_outcome(child_.crashed("while it ran the task"), false);
  const int signal = process_.end_signal();
  if (!was_running && proc::is_stop_signal(signal)) outcome.cause = model::Cause::kSignal;
  // Memory that runs out ends it with SIGKILL; the others are no deed of the plugin.
  const bool by_others = outcome.cause == model::Cause::kSignal && signal != SIGKILL;
  call_.blame(by_others ? CallEnd::kOk : CallEnd::kCrash);
  return outcome;
}

model::Outcome ChildCall::violated(std::string_view what) {
  call_.blame(CallEnd::kFault);
  return failed_outcome(child_.violated(what), false);
}

}  // namespace skep::plugin
