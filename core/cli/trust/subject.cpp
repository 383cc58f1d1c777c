#include "core/cli/trust/subject.hpp"

#include "core/base/id.hpp"
#include "core/plugin/manifest.hpp"
#include "core/plugin/stage.hpp"
#include "core/trust/version.hpp"

namespace skep::cli {
namespace {

Expected<trust::Candidate> script(Invocation& call, const std::string& file,
                                  const std::string& sha256) {
  const std::string id = call.args.get("id");
  const std::string version = call.args.get("version");
  if (!is_name(id) || !trust::is_version(version))
    return Failure(usage_error(file + " is a script: --id ID and --version MAJOR.MINOR.PATCH say "
                                      "who it is",
                               "--id disk_check --version 1.0.0"));
  return trust::Candidate{id, version, "lua", sha256, file, file};
}

Expected<trust::Candidate> plugin_file(Invocation& call, const std::string& file,
                                       const std::string& sha256) {
  if (call.args.has("id") || call.args.has("version"))
    return Failure(usage_error("--id and --version are for scripts; a plugin has its manifest"));
  const auto inspected = plugin::inspect(file);
  if (!inspected) return inspected.error().within(file);
  const auto manifest = plugin::parse_manifest(inspected->manifest);
  if (!manifest) return manifest.error().within(file);
  if (inspected->sha256 != sha256)
    return Failure(Error{Code::kState, file + " changed while it was read", {}, "try again"});
  return trust::Candidate{manifest->id, manifest->version, manifest->abi, sha256, file, file};
}

}  // namespace

std::vector<Option> subject_options() {
  return {{"id", 0, "ID", "of a script: its task type"},
          {"version", 0, "VERSION", "of a script: MAJOR.MINOR.PATCH"}};
}

Expected<Subject> subject_of(Invocation& call, const std::string& file) {
  auto digests = trust::digest_file(file);
  if (!digests) return digests.error();
  auto candidate = file.ends_with(".lua") ? script(call, file, digests->sha256)
                                          : plugin_file(call, file, digests->sha256);
  if (!candidate) return candidate.error();
  return Subject{std::move(*candidate), *digests};
}

}  // namespace skep::cli
