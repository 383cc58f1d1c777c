// Putting a plugin file where a node finds it.
#pragma once

#include <string>
#include <vector>

#include "core/cli/base/invocation.hpp"

namespace skep::cli {

struct Installed {
  std::string id;
  std::string version;
  std::string sha256;
  std::string path;    ///< where it is now
  std::string node;    ///< what the running node did with it, for people; "" = nothing known
  std::string next{};  ///< the command without which the node will not load it, "" = none
  std::vector<std::string> task_types{};
  bool refused = false;  ///< by the running node, which says why in `node`
};

/// --set and --to.
std::vector<Option> install_options();
/// Checks the manifest, that it fits this program's host, and what the file shows of hazards; then
/// copies it into the folder of --to, or the first writable plugin folder of the node of -c
/// (without one, of a node with default settings in this folder). The old file is replaced in one
/// step, or not at all.
Expected<Installed> install_plugin(Invocation& call, const std::string& file);
/// What became of it; a refusal is an error on `err`.
void print_installed(Invocation& call, const Installed& installed);

}  // namespace skep::cli
