#include "core/plugin/isolation/task_frames.hpp"

#include "core/plugin/isolation/frames.hpp"

namespace skep::plugin {

std::string pack_run(const RunFrame& run) {
  return frames::Packer()
      .reserve(6, run.owner.size() + run.script_id.size() + run.request.size() + run.folder.size())
      .integer(run.deadline)
      .text(run.owner)
      .text(run.script_id)
      .text(run.request)
      .text(run.folder)
      .integer(static_cast<std::int64_t>(run.artifact_bytes))
      .body();
}

std::optional<RunFrame> unpack_run(std::string_view body) {
  frames::Unpacker in(body);
  RunFrame out;
  out.deadline = in.integer();
  out.owner = in.text();
  out.script_id = in.text();
  out.request = in.text();
  out.folder = in.text();
  out.artifact_bytes = static_cast<std::uint64_t>(in.integer());
  return in.ok() ? std::optional(out) : std::nullopt;
}

std::string pack_done(const DoneFrame& done) {
  frames::Packer out;
  out.reserve(8, done.said.result.size() + done.said.message.size() + done.threw.size());
  out.text(done.said.result).integer(static_cast<std::int64_t>(done.said.refused_result_bytes));
  out.integer(done.said.failed_with).integer(done.said.retry_ms).text(done.said.message);
  out.integer(static_cast<std::int64_t>(done.said.cause));
  out.text(done.threw).integer(done.threads_left);
  out.integer(static_cast<std::int64_t>(done.said.artifacts.size()));
  for (const model::Artifact& a : done.said.artifacts)
    out.text(a.name).text(a.media_type).integer(a.size).text(a.sha256);
  return std::move(out).body();
}

std::optional<DoneFrame> unpack_done(std::string_view body) {
  frames::Unpacker in(body);
  DoneFrame out;
  out.said.result = in.text();
  out.said.refused_result_bytes = static_cast<std::uint64_t>(in.integer());
  out.said.failed_with = static_cast<skep_rc>(in.integer());
  out.said.retry_ms = static_cast<std::uint32_t>(in.integer());
  out.said.message = in.text();
  if (in.integer() == static_cast<std::int64_t>(model::Cause::kSignal))
    out.said.cause = model::Cause::kSignal;
  out.threw = in.text();
  out.threads_left = in.integer();
  const std::int64_t artifacts = in.integer();
  if (artifacts < 0 || artifacts > static_cast<std::int64_t>(model::kMostArtifacts))
    return std::nullopt;
  for (std::int64_t i = 0; i < artifacts; ++i) {
    model::Artifact a;
    a.name = in.text();
    a.media_type = in.text();
    a.size = in.integer();
    a.sha256 = in.text();
    out.said.artifacts.push_back(std::move(a));
  }
  return in.ok() ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace skep::plugin
