// One script file: read whole and safely, then what its language says of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/schema.hpp"
#include "core/base/result.hpp"

namespace skep::plugin {

inline constexpr std::size_t kMaxScriptBytes = std::size_t{1} << 20;

struct ScriptText {
  std::string text;
  std::string sha256;
};
/// Without following a final symbolic link. kDenied when everybody may write the file, kNotFound
/// when it is gone.
Result<ScriptText> read_script(const std::string& path);

/// What skep_script_host_v1.load says of a script.
struct ScriptManifest {
  std::string name;
  std::string version;
  std::string description;
  api::Schema params;
  std::vector<std::string> permissions;
  std::int64_t timeout_ms = 0;
  std::vector<std::string> warnings;  ///< "FILE:LINE: what"
};
/// kInvalid with `file` in front when it is not what the kind promises, or the schema is wrong.
Result<ScriptManifest> parse_script_manifest(std::string_view manifest_json,
                                             const std::string& file);

/// The script files below the folders, in their order and by name: those with one of `endings` that
/// neither begin with a dot nor end with "_test" before the ending.
std::vector<std::string> find_scripts(const std::vector<std::string>& folders,
                                      std::string_view ending);
bool is_script_file(std::string_view path, std::string_view ending);

}  // namespace skep::plugin
