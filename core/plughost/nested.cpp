#include "core/plughost/nested.hpp"

#include "core/plugin/adapters/task_call.hpp"

namespace skep::plughost {
namespace {

namespace frames = plugin::frames;

Result<std::string> read_end(frames::Link& link) {
  frames::Assembler parts;
  for (;;) {
    const auto frame = link.receive(true);
    if (!frame) return frame.error();
    if (!*frame || (*frame)->type != frames::Type::kTaskEnd)
      return Error{Code::kCorrupt, "the host answered something else"};
    const auto whole = parts.add(**frame);
    if (!whole) return whole.error();
    if (*whole) return std::string(**whole);
  }
}

Result<std::string> ask(frames::Link& link, const model::ClaimedTask& task) {
  SKEP_TRY(
      link.send(frames::Type::kTask, 0, frames::Packer().text(task.type).text(task.params).body()));
  const auto body = read_end(link);
  if (!body) return body.error();
  frames::Unpacker in(*body);
  const auto error = frames::unpack_error(in);
  std::string result(in.text());
  if (!in.ok()) return Error{Code::kCorrupt, "the host's answer does not fit"};
  if (error) return *error;
  return result;
}

}  // namespace

model::Outcome NestedTasks::run(const ports::RunRequest& request, MonoMs /*deadline*/,
                                ports::CancelToken& /*cancel*/,
                                const ports::TaskEvents& /*events*/) {
  auto result = ask(link_, request.task);
  if (!result) return plugin::failed_outcome(result.error(), false);
  model::Outcome out;
  out.kind = model::OutcomeKind::kSucceeded;
  out.result = std::move(*result);
  return out;
}

}  // namespace skep::plughost
