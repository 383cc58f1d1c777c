// What one configuration changes of another, key by key.
#pragma once

#include <string>
#include <vector>

#include "core/config/load.hpp"

namespace skep::config {

/// Values are JSON text with secrets as "***"; "null" = not there.
struct Change {
  std::string key;  ///< "worker.concurrency", "plugins.docker.timeout"
  std::string before;
  std::string after;
  bool live = false;  ///< a running node can take it; [plugins.ID] and [scripts.NAME]
                      ///< tables are
};

/// In the order of the reference. Pure.
std::vector<Change> diff(const Config& before, const Config& after);

/// `running` with all of `next` that is live. Pure.
Config with_live(Config running, const Config& next);

/// A value of the file that a variable or a flag covers, so that editing it does nothing.
struct Covered {
  std::string key;
  std::string value;  ///< in the file, as above
  std::string by;     ///< "env WORKER_CONCURRENCY"
};
/// Those whose value in the file differs between the two. Pure.
std::vector<Covered> covered_changes(const Loaded& before, const Loaded& after);

}  // namespace skep::config
