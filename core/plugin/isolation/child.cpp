#include "core/plugin/isolation/child.hpp"

#include <algorithm>
#include <bit>

#include "core/base/gauges.hpp"
#include "core/base/log.hpp"
#include "core/plugin/isolation/child_call.hpp"
#include "core/plugin/isolation/start_frame.hpp"
#include "core/plugin/log_line.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/services/secret_rules.hpp"
#include "core/plugin/view.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::plugin {
namespace {

using Wake = ChildProcess::Wake;

constexpr std::string_view kGivenUp = "plugin-child-given-up";

/// "plugin ID 1.0.0 (generation 2, sha256 3f9c00112233)"
std::string name_of(const ChildPlugin& p) {
  return "plugin " + p.plugin_id + (p.version.empty() ? "" : " " + p.version) + " (generation " +
         std::to_string(p.generation) + ", sha256 " + p.file.sha256.substr(0, 12) + ")";
}

}  // namespace

bool Child::is_given_up(const Error& error) { return error.name == kGivenUp; }

Result<std::unique_ptr<Child>> Child::start(const ChildPlugin& plugin,
                                            const proc::CallControl& call) {
  auto process = ChildProcess::spawn(plugin, call);
  if (!process) {
    Error error = process.error().within("start a process for plugin " + plugin.plugin_id);
    const bool late = call.deadline != 0 && proc::monotonic_ms() >= call.deadline;
    if (error.code == Code::kCancelled || (error.code == Code::kDeadline && late))
      error.name = kGivenUp;
    return error;
  }
  std::unique_ptr<Child> child(new Child(std::move(*process)));
  SKEP_TRY(child->hello(call));
  return child;
}

Status Child::hello(const proc::CallControl& call) {
  const ChildPlugin& plugin = process_->plugin();
  if (const auto sent =
          process_->link().send(frames::Type::kStart, 0, pack_start(plugin), kSendWaitMs);
      !sent)
    return crashed("while it started");
  const auto body = answer(frames::Type::kStarted, call);
  if (!body) return body.error();
  frames::Unpacker in(*body);
  const auto error = frames::unpack_error(in);
  if (!in.ok()) return violated("answered the start with nonsense");
  if (error) return *error;
  return {};
}

Result<std::string> Child::answer(frames::Type type, const proc::CallControl& call) {
  const ChildPlugin& plugin = process_->plugin();
  const MonoMs own = proc::monotonic_ms() + plugin.limits.start_timeout.count();
  MonoMs until = call.deadline == 0 ? own : std::min(own, call.deadline + plugin.grace().count());
  int cancel_fd = call.cancel_fd;
  frames::Assembler parts;
  for (;;) {
    const Wake wake = process_->wait(cancel_fd, until);
    if (wake == Wake::kCancel) {
      until = std::min(until, proc::monotonic_ms() + plugin.grace().count());
      cancel_fd = -1;
      continue;
    }
    if (wake == Wake::kTime && until < own) return given_up();
    if (wake == Wake::kTime) return violated("did not answer in time", Code::kUnavailable);
    const auto frame = process_->link().receive(false);
    if (!frame && frame.error().code == Code::kCorrupt) return violated(frame.error().message);
    if (!frame || (wake == Wake::kExited && !*frame)) return crashed("before it answered");
    if (!*frame) continue;
    if (on_word(**frame)) continue;
    if ((*frame)->type == frames::Type::kAsk) {
      const Status served = serve_ask(**frame, nullptr);
      if (served) continue;
      if (served.error().code == Code::kCorrupt) return violated(served.error().message);
      return crashed("while it was answered");
    }
    if ((*frame)->type != type) return violated("sent a frame out of turn");
    const auto whole = parts.add(**frame);
    if (!whole) return violated(whole.error().message);
    if (*whole) return std::string(**whole);
  }
}

model::Outcome Child::run(TaskCall& call, std::string_view script_id,
                          std::string_view request_json) {
  ++tasks_;
  return ChildCall(*this, call).run(script_id, request_json);
}

bool Child::is_worn() const {
  const ChildLimits& limits = process_->plugin().limits;
  if (out_of_memory_ || (limits.max_tasks > 0 && tasks_ >= limits.max_tasks)) return true;
  constexpr std::int64_t kLookEvery = 8;  // tasks: a look costs a tenth of a short one
  const std::int64_t most_mb = limits.recycle_mb > 0 ? limits.recycle_mb : limits.memory_mb / 2;
  return most_mb > 0 && tasks_ % kLookEvery == 0 && process_->resident_bytes() >> 20 >= most_mb;
}

Result<std::string> Child::load(std::string_view id, std::string_view file, std::string_view source,
                                const proc::CallControl& call) {
  const std::string body = frames::Packer().text(id).text(file).text(source).body();
  if (const auto sent = process_->link().send(frames::Type::kLoad, 0, body, kSendWaitMs); !sent)
    return crashed("before it read a script");
  const auto reply = answer(frames::Type::kLoaded, call);
  if (!reply) return reply.error();
  frames::Unpacker in(*reply);
  const auto error = frames::unpack_error(in);
  std::string manifest(in.text());
  if (!in.ok()) return violated("answered the reading of a script with nonsense");
  if (error) return *error;
  scripts_.emplace(id);
  return manifest;
}

void Child::drop(std::string_view id) {
  const auto known = scripts_.find(id);
  if (known == scripts_.end()) return;
  scripts_.erase(known);
  // A child that is gone has forgotten everything; the next look finds out.
  [[maybe_unused]] const auto sent = process_->link().send(frames::Type::kDrop, 0, id, kSendWaitMs);
}

void Child::stop(Millis grace) {
  const MonoMs until = proc::monotonic_ms() + grace.count();
  const auto sent =
      process_->link().send(frames::Type::kStop, 0, {}, static_cast<int>(grace.count()));
  if (sent && !process_->wait_exit(until))
    log::warn("plugin_child_killed", {{"plugin", process_->plugin().plugin_id},
                                      {"generation", process_->plugin().generation},
                                      {"reason", "did not stop in time"}});
  process_->end();
}

void Child::doom() {
  doomed_ = true;
  process_->kill();
}

Error Child::crashed(std::string_view doing) {
  state_ = State::kCrashed;
  const bool hung_up = process_->is_running() && !process_->wait_exit(proc::monotonic_ms() + 200);
  const std::string how = process_->end();
  const std::string lines = process_->lines().text();
  std::string message = name_of(process_->plugin());
  message += hung_up ? " closed its connection to the host" : " " + how;
  message += " " + std::string(doing);
  if (!lines.empty()) message += "; its last lines: " + lines;
  last_error_ = message;
  Error error = internal_error(std::move(message)).named("plugin-crashed");
  return std::move(error).with_next("skep plugin show " + process_->plugin().plugin_id);
}

Error Child::violated(std::string_view what, Code code) {
  state_ = State::kKilled;
  process_->end();
  last_error_ = name_of(process_->plugin()) + " " + std::string(what) + "; its process was killed";
  return {code, last_error_, "plugin-violation",
          "skep plugin show " + process_->plugin().plugin_id};
}

Error Child::given_up() {
  state_ = State::kKilled;
  process_->end();
  last_error_ = name_of(process_->plugin()) + " was ended before it was ready: its task had ended";
  return Error{Code::kCancelled, last_error_, std::string(kGivenUp)};
}

bool Child::on_word(const frames::Frame& frame) {
  if (frame.type == frames::Type::kLog)
    log_line(frame);
  else if (frame.type == frames::Type::kMetric)
    set_figure(frame);
  else
    return false;
  return true;
}

void Child::log_line(const frames::Frame& frame) {
  frames::Unpacker in(frame.body);
  const std::string event = clean_text(to_view(in.text()));
  const std::string_view fields = in.text();
  if (frame.more || !in.ok()) return;  // a line of log is not worth a child
  const ChildPlugin& plugin = process_->plugin();
  write_line(static_cast<std::uint32_t>(frame.value), plugin.plugin_id, plugin.plugin_id, event,
             "\"generation\":" + std::to_string(plugin.generation), fields);
  process_->keep_line(event + (fields.empty() ? "" : " ") + clean_text(to_view(fields)));
}

void Child::set_figure(const frames::Frame& frame) {
  frames::Unpacker in(frame.body);
  const std::string_view name = in.text();
  const auto value = std::bit_cast<double>(in.integer());
  if (frame.more || !in.ok()) return;
  const std::string& owner = process_->plugin().plugin_id;
  frame.value == 1 ? gauges::add(owner, name, value) : gauges::set(owner, name, value);
}

/// The child looks for the permission as well; what it is does not let it judge by itself.
template <class Work>
Result<std::string> Child::permitted(std::string_view service, Work work) const {
  const std::string_view wanted = permission_for(service);
  const auto& named = process_->plugin().permissions;
  if (std::find(named.begin(), named.end(), wanted) == named.end())
    return Error{Code::kDenied,
                 "its manifest does not name the permission \"" + std::string(wanted) + '"'};
  return work();
}

Status Child::serve_ask(const frames::Frame& frame, TaskCall* call) {
  const auto what = static_cast<frames::Ask>(frame.value);
  const auto body = asked_.add(frame);
  if (!body) return body.error();
  if (!*body) return Status();
  frames::Unpacker in(**body);
  const std::string first(in.text());
  const std::string second(in.text());
  if (!in.ok()) return Error{Code::kCorrupt, "asked for nonsense"};
  Result<std::string> got = Error{Code::kState, "nothing of that kind while no task runs"};
  const bool is_known =
      first == process_->plugin().plugin_id || (call != nullptr && first == call->owner());
  if (what == frames::Ask::kSecret && is_known)
    got = permitted(SKEP_SVC_SECRET, [&] { return read_secret(first, second); });
  else if (what == frames::Ask::kTask && call != nullptr)
    got = permitted(SKEP_SVC_TASK, [&] { return call->run_task(first, second); });
  frames::Packer out;
  frames::pack_error(out, frames::error_of(got));
  out.text(got ? std::string_view(*got) : std::string_view());
  return process_->link().send(frames::Type::kAnswer, 0, out.body(), kSendWaitMs);
}

}  // namespace skep::plugin
