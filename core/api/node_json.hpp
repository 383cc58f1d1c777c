// Documents of a node about itself: /api/node and what is below it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/api/document.hpp"
#include "core/base/clock.hpp"

namespace skep::api {

/// A key of the configuration and its values as JSON.
struct ConfigChange {
  std::string key;
  std::string before;
  std::string after;
};

struct ReloadView {
  struct Covered {
    std::string key;
    std::string value;  ///< JSON, in the file
    std::string by;     ///< "env WORKER_CONCURRENCY"
  };
  struct Table {
    std::string id;
    std::string result;  ///< "changed", "failed" or "restart"
    std::string error;   ///< "" = none
  };
  std::string result;   ///< "applied", "unchanged", "partly" or "refused"
  std::string trigger;  ///< "file", "SIGHUP" or "api"
  WallMs at = 0;
  std::vector<ConfigChange> applied;
  std::vector<ConfigChange> needs_restart;
  std::vector<Covered> covered;
  std::vector<Table> plugins;
  std::vector<std::string> warnings;
  std::string error;  ///< "" = none
};
std::string encode(const ReloadView& r);

struct NodeView {
  std::string id;
  std::string site;
  std::vector<std::string> roles;
  std::string version;
  std::int64_t pid = 0;
  WallMs started_at = 0;
  std::string state_dir;
  std::string config_file;
  std::vector<std::string> urls;  ///< empty = it starts
  bool stopping = false;
  std::vector<ConfigChange> needs_restart;
  std::optional<ReloadView> last_reload;
  std::vector<std::string> troubles;  ///< what keeps it from its work
};
std::string encode(const NodeView& n);

/// The answer to an order to bring a plugin's newest file into service.
struct PluginReload {
  std::string id;
  std::string version;
  std::uint64_t generation = 0;
  std::string sha256;
  bool changed = false;
};
std::string encode(const PluginReload& p);

/// Node, ReloadReport, PluginReload, PluginList, ScriptList, NodeConfig, Event, EventStream.
Documents node_documents();

}  // namespace skep::api
