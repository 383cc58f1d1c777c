// Inside of the registry, shared by registry*.cpp: the map of plugins, the files beside it, and the
// turn that whoever changes either takes. What one plugin decides is in managed_plugin.hpp.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/plugin/adapters/route_call.hpp"
#include "core/plugin/file_stamps.hpp"
#include "core/plugin/managed_plugin.hpp"
#include "core/plugin/names.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/registry_thread.hpp"
#include "core/plugin/tried_files.hpp"

namespace skep::plugin {

using Tables = std::map<std::string, std::string>;  ///< [plugins.ID] by id, as JSON

/// What somebody else runs of a plugin.
struct OpenedElsewhere {
  std::string sha256;  ///< "" = it could not be opened
  std::string table;
};

/// Why a file was not loaded, for as long as it is that file and nobody tries it again.
struct Refusal {
  std::string id;
  std::string sha256;
  std::string reason;
};

struct Registry::Impl {
  explicit Impl(RegistryOptions o);
  ~Impl();

  const RegistryOptions options;  ///< but for its tables, which are `tables` from the start on
  const std::shared_ptr<TaskTable> table = std::make_shared<TaskTable>();
  const std::shared_ptr<CondemnedList> condemned = std::make_shared<CondemnedList>();

  /// Held by whoever loads, starts or stops plugins, from begin to end: one at a time. Never taken
  /// by list(), nor while `mutex` is held.
  Mutex turn;
  Tables tables SKEP_GUARDED_BY(turn);
  std::vector<PluginFile> files SKEP_GUARDED_BY(turn);
  std::map<std::string, ManagedPlugin, std::less<>> plugins SKEP_GUARDED_BY(turn);
  NameBook names SKEP_GUARDED_BY(turn);
  Intake intake SKEP_GUARDED_BY(turn);
  std::map<std::string, OpenedElsewhere, std::less<>> opened SKEP_GUARDED_BY(turn);
  TriedFiles tried SKEP_GUARDED_BY(turn);                         ///< by sha256: served, or refused
  std::map<std::string, Refusal> refusals SKEP_GUARDED_BY(turn);  ///< by path
  /// Ids that do not run by their newest table.
  std::set<std::string> tables_wait SKEP_GUARDED_BY(turn);
  FileStamps seen_files SKEP_GUARDED_BY(turn);  ///< what the watch looked at last
  /// tasks() was called: new plugins serve too.
  bool serving SKEP_GUARDED_BY(turn) = false;
  std::unique_ptr<RegistryThread> thread SKEP_GUARDED_BY(turn);
  std::unique_ptr<Drainer> drainer;  ///< [any]; its end waits for what drains

  /// What list() copies; held for as long as that takes.
  mutable Mutex mutex;
  std::vector<PluginInfo> shown_files SKEP_GUARDED_BY(mutex);
  std::map<std::string, std::string> shown_expected SKEP_GUARDED_BY(mutex);
  std::map<std::string, std::shared_ptr<const PluginStatus>, std::less<>> shown_plugins
      SKEP_GUARDED_BY(mutex);

  // registry.cpp
  Status scan() SKEP_REQUIRES(turn);
  ManagedPlugin& plugin_of(const std::string& id) SKEP_REQUIRES(turn);
  ManagedPlugin* find_plugin(std::string_view id) SKEP_REQUIRES(turn);
  /// Null when nothing of it serves.
  ManagedPlugin* find_serving(std::string_view id) SKEP_REQUIRES(turn);
  void serve_tasks(PluginFile& file) SKEP_REQUIRES(turn);
  void refuse(PluginFile& file, const std::string& reason) SKEP_REQUIRES(turn);
  void refuse_load(PluginFile& file, const std::string& reason) SKEP_REQUIRES(turn);
  void forget_refusals(std::string_view id) SKEP_REQUIRES(turn);
  void apply_refusals(std::vector<PluginFile>& found) const SKEP_REQUIRES(turn);
  /// list() says from now on what `files` and `opened` say.
  void show_files() SKEP_REQUIRES(turn);
  Result<Reloaded> reload(std::string_view id, bool force) SKEP_REQUIRES(turn);
  Error no_such_file(std::string_view id) SKEP_REQUIRES(turn);

  // registry_last_good.cpp
  std::optional<PluginFile> last_good_of(const PluginFile& file) SKEP_REQUIRES(turn);
  void serve_last_good(PluginFile& file) SKEP_REQUIRES(turn);
  void note_stand_in(const PluginFile& good, const std::string& why) SKEP_REQUIRES(turn);
  void keep_good() SKEP_REQUIRES(turn);
  bool is_turned_off(const std::string& id) const SKEP_REQUIRES(turn);
  /// By id the file that served before, "" for one that only has a table.
  std::map<std::string, std::string> expected() SKEP_REQUIRES(turn);

  // registry_uses.cpp
  Result<std::shared_ptr<RouteHandle>> open_component(std::string_view kind, std::string_view name,
                                                      std::string_view table_json);
  Result<std::shared_ptr<ComponentUse>> use(const PluginFile& file, std::string_view kind,
                                            const std::string& component,
                                            const json::object& chosen_by) SKEP_REQUIRES(turn);
  void close_component(const std::string& id, const std::shared_ptr<ComponentUse>& use);

  // registry_configure.cpp
  std::set<std::string> replace_by_serving(std::vector<PluginFile>& some) SKEP_REQUIRES(turn);
  std::set<std::string> changed_tables(const Tables& wanted) const SKEP_REQUIRES(turn);
  Status check_uses_of(const std::set<std::string>& changed, std::vector<PluginFile>& some)
      SKEP_REQUIRES(turn);
  void show_opened(PluginInfo& info) const SKEP_REQUIRES(turn);
  Status take_table(const PluginFile& file, bool file_serves) SKEP_REQUIRES(turn);
  Result<Configured> configure(Tables wanted) SKEP_REQUIRES(turn);

  // registry_watch.cpp
  void look_at_files();
  void roll_back(const Condemned& bad);
  void look_at(PluginFile& file) SKEP_REQUIRES(turn);
  void notice_broken_file(const PluginFile& file, const ManagedPlugin& plugin) SKEP_REQUIRES(turn);
  void look_again_at(const FileStamps& now) SKEP_REQUIRES(turn);
  void note_admissions() SKEP_REQUIRES(turn);
  std::vector<std::string> watched_folders() const;
};

/// A new file or table of what somebody else runs.
Error needs_restart(std::string_view id);

}  // namespace skep::plugin
