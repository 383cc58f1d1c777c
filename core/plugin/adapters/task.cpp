#include "core/plugin/adapters/task.hpp"

#include "core/base/json.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/boundary.hpp"

namespace skep::plugin {
namespace {

/// The parameters with defaults filled in, as JSON text.
Result<std::string> complete_params(const std::string& params, const std::string& type,
                                    const std::optional<api::Schema>& schema,
                                    std::string& problems) {
  auto document = parse_json(params.empty() ? "{}" : params);
  if (!document) return document.error().within("params of " + type);
  if (!document->is_object()) return invalid("params of " + type + ": must be a JSON object");
  if (!schema) return to_text(*document);
  const auto wrong = schema->apply(*document);
  if (wrong.empty()) return to_text(*document);
  problems = api::problems_json(wrong);
  Error error = api::schema_error("params of " + type, wrong);
  error.name = ports::kParamsRefused;
  return error;
}

/// Another version may take what this one's schema refuses: somewhere else, or it has only just
/// come here.
model::Outcome invalid_params(const Error& error, const std::string& problems) {
  model::Outcome out = failed_outcome(error, !problems.empty());
  if (!problems.empty()) {
    out.error.pop_back();
    out.error += ",\"errors\":" + problems + "}";
    out.cause = model::Cause::kNode;
  }
  return out;
}

std::string request_json(const ports::RunRequest& request, std::string_view params) {
  const model::ClaimedTask& task = request.task;
  JsonOut out;
  out.object();
  out.key("task_id").str(task.lease.task_id);
  out.key("type").str(task.type);
  out.key("attempt").integer(task.lease.attempt);
  out.key("worker_id").str(request.worker_id);
  out.key("site").str(request.site);
  out.key("idempotency_key").str(task.idempotency_key);
  out.key("timeout_ms").integer(task.timeout_ms);
  out.key("params").raw(params);
  return out.end_object().take();
}

}  // namespace

model::Outcome InprocTarget::run(TaskCall& call, std::string_view request_json) {
  std::string what = "an exception of unknown type";
  try {
    return call.outcome(table_->run(inst_, call.handle(), to_view(request_json)));
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
  }
  call.blame(CallEnd::kCrash);
  return failed_outcome(threw(what).within("plugin " + plugin_id_), false);
}

TaskComponent::TaskComponent(std::unique_ptr<TaskTarget> target, Options options)
    : target_(std::move(target)), options_(std::move(options)), gate_(options_.max_concurrency) {}

TaskComponent::Ran TaskComponent::run(const ports::RunRequest& request, MonoMs deadline,
                                      ports::CancelToken& cancel, const ports::TaskEvents& events,
                                      ports::TaskRunner* nested) {
  std::string problems;
  const auto params =
      complete_params(request.task.params, request.task.type, options_.params, problems);
  if (!params) return {invalid_params(params.error(), problems), CallEnd::kOk};
  TaskCall call(options_.plugin_id, deadline, cancel, events);
  call.nest(nested, request);
  auto outcome = execute(call, request_json(request, *params));
  return {std::move(outcome), call.end()};
}

model::Outcome TaskComponent::execute(TaskCall& call, std::string_view request) {
  if (!call.enter(gate_)) {
    call.give_up();
    return call.outcome(SKEP_E_CANCELLED);
  }
  model::Outcome outcome = target_->run(call, request);
  if (const auto masks = masks_of(options_.plugin_id)) {
    outcome.error = masks->hide_json(outcome.error);
    outcome.result = masks->hide_json(outcome.result);
  }
  return outcome;
}

}  // namespace skep::plugin
