// What a file is that somebody wants to publish: a script or a plugin, its name and its version.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/cli/base/invocation.hpp"

namespace skep::cli {

struct ReleaseFile {
  std::string kind;  ///< "script" or "plugin"
  std::string name;
  std::string version;
  std::string content;
  std::string signature{};                     ///< text of FILE.minisig, "" = there is none
  std::map<std::string, std::string> types{};  ///< it brings, with the schemas of their params
};

/// Loads a script as a node would, without running its task. kInvalid "FILE:LINE: what" when it is
/// none, has no version or a name that cannot be published. The language is found among the plugins
/// of the program, or in `plugin_paths`.
Expected<ReleaseFile> read_script(const std::string& path, std::vector<std::string> plugin_paths);
/// Reads the manifest in a shared library of any supported machine, without loading it.
Expected<ReleaseFile> read_plugin(const std::string& path);

}  // namespace skep::cli
