// What a file is that somebody wants to publish: a script or a plugin, its name and its version.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace skep::cli {

struct ArtifactFile {
  std::string kind;  ///< "script" or "plugin"
  std::string name;
  std::string version;
  std::string content;
  std::string signature{};           ///< text of FILE.minisig, "" = there is none
  std::vector<std::string> types{};  ///< task types it brings
};

/// Reads a Lua file by the words of its `skep.task { name = "..", version = ".." }`, without
/// running it. kInvalid says what is missing.
Result<ArtifactFile> read_script(const std::string& path);
/// Reads the manifest in a shared library of any supported machine, without loading it.
Result<ArtifactFile> read_plugin(const std::string& path);

}  // namespace skep::cli
