#include "core/cli/artifact_file.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <regex>

#include "core/api/artifacts.hpp"
#include "core/base/fd.hpp"
#include "core/base/text.hpp"
#include "core/cli/console.hpp"
#include "core/plugin/elf_note.hpp"
#include "core/plugin/manifest.hpp"
#include "skep/kind/task.h"

namespace skep::cli {
namespace {

/// The head of a file is enough to find its words; std::regex is slow and deep on long texts.
constexpr std::size_t kHeadBytes = 16u << 10;

Error no_script(const std::string& path, const std::string& what) {
  return Error{Code::kInvalid, path + ": " + what, "bad-script",
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

/// The string that `key` has in the table.
std::string member(const std::string& table, const std::string& key) {
  const std::regex pattern("(^|[\\s,{])" + key + "\\s*=\\s*[\"']([^\"'\n]{1,128})[\"']");
  std::smatch found;
  return std::regex_search(table, found, pattern) ? found[2].str() : "";
}

void add_signature(const std::string& path, ArtifactFile& out) {
  out.signature = read_file(path + ".minisig", api::kMaxSignatureBytes).value_or("");
}

}  // namespace

Result<ArtifactFile> read_script(const std::string& path) {
  auto content = read_bytes(path, api::kMaxScriptBytes);
  if (!content) return content.error();
  if (content->starts_with('\x1b') || content->find('\0') != std::string::npos)
    return no_script(path, "is no text; compiled Lua is not taken");
  const std::size_t start = content->find("skep.task");
  if (start == std::string::npos)
    return no_script(path, "is no task script: it has no skep.task { .. }");
  const std::string table = content->substr(start, kHeadBytes);
  ArtifactFile out{"script", member(table, "name"), member(table, "version"), {}};
  for (const auto& [key, value] : {std::pair{"name", out.name}, {"version", out.version}})
    if (value.empty())
      return no_script(path, "its skep.task { .. } says no " + std::string(key) + " = \"..\"");
  if (!api::is_artifact_name(out.name))
    return no_script(
        path, "name \"" + out.name + "\" must be lower-case letters, digits, '.', '_' or '-'");
  out.types = {out.name};
  out.content = std::move(*content);
  add_signature(path, out);
  return out;
}

Result<ArtifactFile> read_plugin(const std::string& path) {
  auto content = read_bytes(path, api::kMaxPluginBytes);
  if (!content) return content.error();
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto text = plugin::read_manifest_note(fd.get(), plugin::Machine::kAny);
  if (!text) return text.error().within(path);
  const auto manifest = plugin::parse_manifest(*text);
  if (!manifest) return manifest.error().within(path);
  ArtifactFile out{"plugin", manifest->id, manifest->version, std::move(*content)};
  for (const auto& c : manifest->components)
    if (c.kind == SKEP_KIND_TASK) out.types.push_back(c.name);
  add_signature(path, out);
  return out;
}

}  // namespace skep::cli
