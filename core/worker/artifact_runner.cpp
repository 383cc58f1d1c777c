#include "core/worker/artifact_runner.hpp"

#include "core/api/artifact_json.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"

namespace skep::worker {
namespace {

model::Outcome failed(const Error& error) {
  JsonOut document;
  document.object().key("code").str(error.id()).key("message").str(error.message);
  if (!error.next.empty()) document.key("next").str(error.next);
  model::Outcome out;
  out.error = document.end_object().take();
  return out;
}

/// Another node may be able to, or this one later.
model::Outcome not_here(Error error) {
  error.code = Code::kNotHere;
  error.name.clear();
  model::Outcome out = failed(error);
  out.retryable = true;
  out.cause = model::Cause::kNode;
  return out;
}

model::Outcome without_input(const Error& error, const ports::CancelToken& cancel) {
  if (cancel.reason() == ports::CancelReason::kDeadline)
    return failed({Code::kDeadline, error.message});
  if (cancel.reason() != ports::CancelReason::kNone) {
    model::Outcome out = failed({Code::kCancelled, error.message});
    out.kind = model::OutcomeKind::kCancelled;
    return out;
  }
  const bool final = error.code == Code::kNotFound || error.code == Code::kInvalid;
  return final ? failed(error) : not_here(error);
}

}  // namespace

Status ArtifactRunner::fetch_inputs(const model::ClaimedTask& task, MonoMs deadline,
                                    ports::CancelToken& cancel) {
  const auto inputs = api::inputs_of(task.params);
  if (!inputs) return inputs.error();
  for (const model::Input& input : *inputs) {
    const auto path = folders_.make_input(task.lease, input.sha256);
    if (!path) return path.error();
    if (const Status done = fetch_(task.lease, input, *path, deadline, cancel); !done)
      return done.error().within("fetch the input " + input.sha256.substr(0, 12));
  }
  return {};
}

model::Outcome ArtifactRunner::run(const ports::RunRequest& request, MonoMs deadline,
                                   ports::CancelToken& cancel, const ports::TaskEvents& events) {
  const model::Lease& lease = request.task.lease;
  if (const Status there = fetch_inputs(request.task, deadline, cancel); !there) {
    folders_.drop(lease);
    return without_input(there.error(), cancel);
  }
  ports::RunRequest own = request;
  own.folder = folders_.folder_of(lease);
  own.artifact_bytes = folders_.room();
  model::Outcome outcome = runner_.run(own, deadline, cancel, events);
  if (outcome.artifacts.empty()) {
    folders_.drop(lease);
    return outcome;
  }
  const Status sealed = folders_.seal(lease, outcome.artifacts);
  if (sealed) return outcome;
  log::error("artifacts_not_kept", {{"task_id", lease.task_id}, {"error", sealed.error().message}});
  folders_.drop(lease);
  const bool wrong =
      sealed.error().code == Code::kCorrupt || sealed.error().code == Code::kNotFound;
  const Error error = sealed.error().within("keep the artifacts");
  return wrong ? failed(error) : not_here(error);
}

}  // namespace skep::worker
