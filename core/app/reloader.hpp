// A new configuration for a node that runs.
//
// All or nothing where it can go wrong: a file that does not load, or tables that do not fit the
// plugins that they are for, change nothing. Of one that is right, what may change live is applied;
// the rest waits for a restart and is named until then.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/node_json.hpp"
#include "core/base/clock.hpp"
#include "core/base/json.hpp"
#include "core/base/mutex.hpp"
#include "core/config/diff.hpp"
#include "core/config/load.hpp"
#include "core/plugin/registry.hpp"

namespace skep::app {

struct ReloadReport {
  /// "applied", "unchanged", "partly" (some keys need a restart) or "refused" (nothing was taken).
  std::string result;
  std::string trigger;  ///< "file", "SIGHUP" or "api"
  WallMs at = 0;
  std::vector<config::Change> applied;
  std::vector<config::Change> needs_restart;  ///< from what runs to what the file says; also
                                              ///< the tables of plugins that failed
  std::vector<config::Covered> covered;       ///< edited, but a variable or flag counts
  plugin::Configured plugins;                 ///< whose table changed, and what came of it
  std::vector<std::string> warnings;
  std::optional<Error> error;  ///< why it was refused, or why [trust] or [plugins] waits
};
api::ReloadView view_of(const ReloadReport& report);
std::vector<api::ConfigChange> views_of(const std::vector<config::Change>& changes);

class Reloader {
 public:
  /// What may say no, asked in this order; only the first refuses the whole.
  struct Guards {
    /// Why a start would refuse `next`, besides what config::load() knows, with the place in the
    /// file. Changes nothing.
    std::function<Status(const config::Loaded& running, const config::Loaded& next)> check;
    /// Takes a new [trust]; kState, for one that admits more, leaves it for the next start.
    std::function<Status(const config::Config&)> trust;
    /// Takes new [plugins.ID] tables; an error leaves all of them, a plugin that failed its own.
    std::function<Result<plugin::Configured>(const config::Config&)> plugins;
  };
  /// Takes what is live of a configuration; the values have been checked.
  using Apply = std::function<void(const config::Config&)>;

  /// `running` is what the node was started with, from `source`.
  Reloader(config::Loaded running, config::LoadOptions source, Guards guards);

  /// All parts that apply a configuration; before it reload() answers kUnavailable.
  void start(std::vector<Apply> parts);
  /// The parts go: lets a reload under way end, then it is as before start().
  void stop();
  /// Reads the source again. One at a time. [any]
  ReloadReport reload(std::string_view trigger);

  /// What runs: live keys as last applied, the others as at the start. [any]
  config::Loaded running() const;
  /// The last report. One that is "unchanged" takes the place of no "applied" one, and of none.
  /// [any]
  std::optional<ReloadReport> last() const;
  /// Keys that wait for a restart. [any]
  std::vector<config::Change> needs_restart() const;
  const std::string& path() const { return source_.path; }

 private:
  ReloadReport run(std::string_view trigger) SKEP_REQUIRES(turn_);
  ReloadReport take(config::Loaded next, ReloadReport report) SKEP_REQUIRES(turn_);
  void offer(const config::Config& before, config::Config& now, ReloadReport& report)
      SKEP_REQUIRES(turn_);
  void publish(const ReloadReport& report) const;

  const config::LoadOptions source_;
  const Guards guards_;
  Mutex turn_;  ///< held during a whole reload, never while others read
  std::optional<std::vector<Apply>> parts_ SKEP_GUARDED_BY(turn_);
  config::Loaded latest_ SKEP_GUARDED_BY(turn_);  ///< as last read
  /// The tables that plugins were last asked to take.
  std::map<std::string, std::string> offered_ SKEP_GUARDED_BY(turn_);

  mutable Mutex mutex_;  ///< what others read
  config::Loaded running_ SKEP_GUARDED_BY(mutex_);
  std::optional<ReloadReport> last_ SKEP_GUARDED_BY(mutex_);
  std::vector<config::Change> needs_restart_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::app
