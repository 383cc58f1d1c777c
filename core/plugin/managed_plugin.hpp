// One plugin of a node, by its id: which generation of it serves, and the ways in which others come
// into its place.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/component_use.hpp"
#include "core/plugin/condemned.hpp"
#include "core/plugin/drainer.hpp"
#include "core/plugin/intake.hpp"
#include "core/plugin/plugin_status.hpp"
#include "core/plugin/task_table.hpp"

namespace skep::plugin {

/// What the plugins of a registry share.
struct PluginParts {
  std::shared_ptr<TaskTable> table;
  std::shared_ptr<CondemnedList> condemned;
  Intake& intake;
  Drainer& drainer;
};

/// Used by one thread at a time; what status() gives is [any].
class ManagedPlugin {
 public:
  ManagedPlugin(std::string id, PluginParts parts);
  ManagedPlugin(const ManagedPlugin&) = delete;
  ManagedPlugin& operator=(const ManagedPlugin&) = delete;

  std::shared_ptr<const PluginStatus> status() const { return status_; }
  Trouble trouble() const { return status_->trouble(); }
  bool serves() const { return current_ != nullptr; }
  /// REQUIRES: serves().
  const Recipe& serving() const { return current_->recipe(); }
  /// REQUIRES: serves().
  Reloaded current() const;
  /// The generation that serves when it is one to come back to, else null.
  const Generation* proven() const;
  const ComponentUses& uses() const { return uses_; }

  // Into service. Each of these goes through Intake::admit().

  /// Starts and serves the task components that nobody serves yet. An error: nothing of it serves.
  Status serve_tasks(const PluginFile& file);
  /// Starts the component for a table of the configuration that chose it; `component` may belong to
  /// the file, which is loaded even from quarantine. `loaded` tells whether the file could be.
  Result<std::shared_ptr<ComponentUse>> use(const PluginFile& file,
                                            const ManifestComponent& component, json::object table,
                                            bool& loaded);
  struct ReloadHow {
    bool serving_file = false;  ///< the file that serves, not the one in the folder
    bool forced = false;        ///< without probation
  };
  /// A new generation by the file and its table, unless they are those that serve and none of its
  /// calls hangs. What went wrong is its trouble from then on. REQUIRES: serves().
  Result<Reloaded> reload(const PluginFile& file, ReloadHow how);
  Result<Reloaded> reload(const PluginFile& file) { return reload(file, ReloadHow()); }
  /// Takes the table of `file`. A file that fails does not keep it from the version that serves:
  /// then that one takes it, and the file stays in trouble. REQUIRES: serves().
  Result<Reloaded> reload_with_table(const PluginFile& file, bool file_serves);
  /// Back to the newest version before that is admitted; when there is none, it goes on.
  void roll_back(const Condemned& bad);
  /// Starts those of its task types that somebody else served when it came.
  void serve_freed_types();

  // Out of service.

  void take_out();
  void stop_using(const std::shared_ptr<ComponentUse>& use);

  // What happens to its file.

  /// Whether the file that serves is still there: says so when that changes. REQUIRES: serves().
  void note_file(bool is_there);
  /// The file that serves is the one that is there.
  void forget_trouble() { status_->clear_trouble(); }
  /// What serves is the last good version, in place of the file that was refused.
  void stand_in_for(const PluginInfo& refused);
  /// In quarantine, and told already.
  bool is_known_as_bad(const std::string& sha256) const;
  /// The event "plugin.failed" of a version that did not come into service.
  void tell_failed(std::string_view step, std::string_view reason) const;

 private:
  using Owners = std::map<std::string, std::string>;  ///< plugin ids by task type
  struct Started {
    std::vector<std::shared_ptr<TaskComponent>> tasks;
    std::vector<Route::Target> targets;  ///< one for each of the uses
    Owners shadowed;                     ///< types left out, as somebody else serves them
  };
  /// How one generation takes over from another.
  struct Change {
    bool proven = false;  ///< no probation for the new one
    GenerationEvent old_goes = GenerationEvent::kReplace;
    std::string why{};
  };

  // managed_plugin.cpp: loading, and task types
  Intake::Request request_for(const PluginFile& file, const Staged& copy) const;
  Result<std::unique_ptr<Running>> load(const PluginFile& file, bool needed);
  std::unique_ptr<Running> make_running(const Admitted& admitted);
  std::string start_free_types(Running& running);
  void note_shadowed(Owners owners);
  std::unique_ptr<Running> make_current(std::unique_ptr<Running> next);

  // managed_plugin_copies.cpp: staged copies on disk
  Result<Staged> copy_of(const std::string& source);
  Result<Staged> same_bytes_of(const Staged& staged);
  bool is_wanted(const Staged& copy) const;
  void remove_old_copies();

  // managed_plugin_replace.cpp: from one generation to the next
  static Status start_code(Running& running);
  std::string mode_for(const Manifest& next) const;
  Result<Started> start_all(Running& next) const;
  Status go_live(Started started, const std::shared_ptr<Generation>& generation);
  Status replace_beside(Running& next, GenerationEvent start);
  Status replace_hung(Running& next, GenerationEvent start);
  Status replace_after(std::unique_ptr<Running>& next, GenerationEvent start, bool restart);
  Status bring_back(const std::shared_ptr<const Recipe>& recipe,
                    const std::shared_ptr<Generation>& generation);
  Result<Reloaded> replace(const Admitted& next, const Change& change);
  void see_out(std::unique_ptr<Running> gone, Generation& old, const Change& change);
  void put_on_probation(const std::shared_ptr<Generation>& generation, const CallTally& before);
  void end_probation();

  // managed_plugin_reload.cpp
  Result<Admitted> way_back(const Recipe& worse, std::shared_ptr<const Recipe>& target);

  const std::string id_;
  const PluginParts parts_;
  const std::shared_ptr<PluginStatus> status_;
  std::unique_ptr<Running> current_;  ///< null when nothing serves
  bool tasks_serve_ = false;          ///< each of its types that is not `shadowed_`
  Owners shadowed_;                   ///< types of it that somebody else served when it came
  bool file_gone_ = false;
  ComponentUses uses_;
  std::deque<std::shared_ptr<const Recipe>> before_;  ///< that served, newest first
  std::deque<Staged> copies_;                         ///< on disk, newest first
};

bool has_tasks(const Manifest& manifest);
/// What the scan would say of the file that serves.
PluginFile serving_file(const Recipe& recipe);

}  // namespace skep::plugin
