#include "core/cli/registry/release_file.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/api/desired_releases.hpp"
#include "core/base/fd.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/script_runner.hpp"
#include "core/plugin/elf_note.hpp"
#include "core/plugin/manifest.hpp"
#include "core/trust/digest.hpp"

namespace skep::cli {
namespace {

Error cannot_publish(const std::string& what) {
  return Error{Code::kInvalid, what, "bad-script",
               "return skep.task { name = \"disk_check\", version = \"1.0.0\", run = .. }"};
}

Result<std::string> read_bytes(const std::string& path, std::size_t cap) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return usage_error("file \"" + path + "\" cannot be read: " + ::strerror(errno));
  auto bytes = read_file(path, cap);
  if (!bytes)
    return usage_error("file \"" + path + "\" is no regular file or larger than " +
                       std::to_string(cap >> 20) + " MiB");
  return std::move(*bytes);
}

/// Without such a file it is unsigned; one that cannot go along is an error.
Status add_signature(const std::string& path, ReleaseFile& out) {
  const std::string signature = path + ".minisig";
  auto text = trust::read_regular_file(signature, kMaxSignatureBytes);
  if (!text && text.error().code == Code::kNotFound) return {};
  const std::string next = "sign it again, or remove " + signature;
  if (!text) return usage_error(text.error().message, next);
  if (text->empty()) return usage_error(signature + " is empty", next);
  out.signature = std::move(*text);
  return {};
}

}  // namespace

Expected<ReleaseFile> read_script(const std::string& path, std::vector<std::string> plugin_paths) {
  auto content = read_bytes(path, api::kMaxScriptBytes);
  if (!content) return content.error();
  auto runner = ScriptRunner::open(std::move(plugin_paths));
  if (!runner) return runner.error();
  const std::string file = std::filesystem::path(path).filename().string();
  auto manifest = (*runner)->inspect(file, *content);
  if (!manifest) return Failure(cannot_publish(manifest.error().error.message));
  if (manifest->version.empty())
    return Failure(cannot_publish(file + ": its skep.task { .. } says no version = \"..\""));
  if (!api::is_release_name(manifest->name))
    return Failure(cannot_publish(file + ": name \"" + manifest->name +
                                  "\" must be lower-case letters, digits, '.', '_' or '-'"));
  ReleaseFile out{"script", manifest->name, manifest->version, std::move(*content)};
  out.types = {{out.name, manifest->params.text()}};
  SKEP_TRY(add_signature(path, out));
  return out;
}

Expected<ReleaseFile> read_plugin(const std::string& path) {
  auto content = read_bytes(path, api::kMaxPluginBytes);
  if (!content) return content.error();
  const auto text = plugin::read_manifest_note(*content, plugin::Machine::kAny);
  if (!text) return text.error().within(path);
  const auto manifest = plugin::parse_manifest(*text);
  if (!manifest) return manifest.error().within(path);
  ReleaseFile out{"plugin", manifest->id, manifest->version, std::move(*content)};
  out.types = plugin::task_types(*manifest);
  SKEP_TRY(add_signature(path, out));
  return out;
}

}  // namespace skep::cli
