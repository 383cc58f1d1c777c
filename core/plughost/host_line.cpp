#include "core/plughost/host_line.hpp"

#include "core/plugin/adapters/task_call.hpp"

namespace skep::plughost {

namespace frames = plugin::frames;

void HostLine::set_open(bool open) {
  const MutexLock lock(asking_);
  open_ = open;
}

Result<std::string> HostLine::read_answer() {
  frames::Assembler parts;
  for (;;) {
    const auto frame = link_.receive(true);
    if (!frame) return frame.error();
    if (!*frame || (*frame)->type != frames::Type::kAnswer)
      return Error{Code::kCorrupt, "the host answered something else"};
    const auto whole = parts.add(**frame);
    if (!whole) return whole.error();
    if (*whole) return std::string(**whole);
  }
}

Result<std::string> HostLine::ask(frames::Ask what, std::string_view body) {
  const MutexLock lock(asking_);
  if (!open_) return Error{Code::kState, "the host is asked while it waits for an answer only"};
  SKEP_TRY(link_.send(frames::Type::kAsk, static_cast<std::int32_t>(what), body));
  const auto answer = read_answer();
  if (!answer) return answer.error();
  frames::Unpacker in(*answer);
  const auto error = frames::unpack_error(in);
  std::string text(in.text());
  if (!in.ok()) return Error{Code::kCorrupt, "the host's answer does not fit"};
  if (error) return *error;
  return text;
}

model::Outcome NestedTasks::run(const ports::RunRequest& request, MonoMs /*deadline*/,
                                ports::CancelToken& /*cancel*/,
                                const ports::TaskEvents& /*events*/) {
  const model::ClaimedTask& task = request.task;
  auto result =
      line_.ask(frames::Ask::kTask, frames::Packer().text(task.type).text(task.params).body());
  if (!result) return plugin::failed_outcome(result.error(), false);
  model::Outcome out;
  out.kind = model::OutcomeKind::kSucceeded;
  out.result = std::move(*result);
  return out;
}

}  // namespace skep::plughost
