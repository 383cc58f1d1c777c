// Inside of the registry, shared by registry*.cpp.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/log.hpp"
#include "core/plugin/adapters/slot.hpp"
#include "core/plugin/catalog.hpp"
#include "core/plugin/drainer.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/running.hpp"
#include "core/plugin/stage.hpp"
#include "core/plugin/task_table.hpp"

namespace skep::plugin {

/// A component that a TOML table chose, and where its calls go.
struct SlotUse {
  std::string component;
  std::string kind;
  json::object table;
  std::shared_ptr<Route> route;
  const skep_inst* inst = nullptr;  ///< that serves now
};

/// One plugin that was loaded, by its id.
struct Plugin {
  std::string id;
  std::uint64_t last_number = 0;
  std::unique_ptr<Running> current;  ///< null when nothing serves
  PluginInfo info;                   ///< of what serves
  bool tasks_serve = false;
  bool gone = false;  ///< its file is
  std::vector<std::shared_ptr<SlotUse>> slots;
  std::deque<std::shared_ptr<Generation>> generations;  ///< newest first
  std::deque<std::shared_ptr<const Recipe>> before;     ///< that served, newest first
  std::deque<Staged> images;                            ///< staged copies on disk, newest first
  std::string trouble;                                  ///< why the newest file does not serve
  std::string failed_sha256;                            ///< of the file in trouble
};

/// Generations that must go, told by the threads that ran their calls.
class Verdicts {
 public:
  struct Verdict {
    std::string id;
    std::uint64_t number = 0;
    std::string reason;
  };
  void give(Verdict verdict);
  std::vector<Verdict> take();
  void on_give(std::function<void()> wake);

 private:
  std::mutex mutex_;
  std::vector<Verdict> given_;
  std::function<void()> wake_;
};

class Keeper;

struct Registry::Impl {
  explicit Impl(RegistryOptions o);
  ~Impl();

  RegistryOptions options;
  const std::shared_ptr<TaskTable> table = std::make_shared<TaskTable>();
  const std::shared_ptr<Verdicts> verdicts = std::make_shared<Verdicts>();

  /// Held by whoever loads, starts or stops plugins, from begin to end: one reload at a time.
  std::recursive_mutex work;
  mutable std::mutex mutex;  ///< guards what list() shows, for as long as it is copied or changed
  std::vector<CatalogEntry> entries;
  std::map<std::string, Plugin, std::less<>> plugins;
  std::map<std::string, Status> script_hosts;     ///< by plugin id
  std::map<std::string, std::string> quarantine;  ///< reason by sha256
  std::set<std::string> probed;                   ///< sha256 of files that a child survived
  std::map<std::string, std::string> tried;       ///< sha256 by path: what the watch has acted on
  std::string seen_files;                         ///< what the watch looked at last
  bool serving = false;                           ///< tasks() was called: new plugins serve too
  std::optional<StagingArea> staging;
  std::unique_ptr<Drainer> drainer;
  std::unique_ptr<Keeper> keeper;

  // registry.cpp
  Status scan();
  CatalogEntry* find(std::string_view id);
  /// What set_script_host() said of this plugin.
  void add_script_host(PluginInfo& info) const;
  RunningHost running_host() const { return {options.state_dir, options.plughost}; }
  /// What runs this plugin's tasks: its table, else the node's rule.
  std::string isolation_of(const CatalogEntry& entry) const;
  /// Puts the plugin into service for the first time; its components start one by one later.
  Result<Plugin*> first_load(CatalogEntry& entry);
  /// Starts and serves the task components of a usable plugin.
  void serve_tasks(CatalogEntry& entry);

  // registry_slots.cpp
  Result<std::shared_ptr<SlotRoute>> open_slot(std::string_view kind, std::string_view name,
                                               std::string_view table_json);
  void close_slot(const std::string& id, const std::shared_ptr<SlotUse>& use);

  // registry_stage.cpp: from a file to a recipe
  Result<Staged> stage(const std::string& source, const std::string& id, std::uint64_t number);
  Result<std::shared_ptr<const Recipe>> verify(const CatalogEntry& entry, const Plugin& plugin,
                                               const Staged& staged) const;
  Status probe(const Recipe& recipe, std::uint64_t number);
  /// A staged copy of `source` for the plugin's next generation. After the first few it may be an
  /// earlier one with the same bytes whose generation has ended: its code is mapped already, so
  /// that memory stays bounded however often two versions alternate.
  Result<Staged> image_of(Plugin& plugin, const std::string& source);

  // registry_replace.cpp
  static Status start_code(Running& running);
  struct Started {
    std::vector<std::shared_ptr<TaskComponent>> tasks;
    std::vector<Route::Target> slots;  ///< one for each of the plugin's uses
  };
  /// Starts all that the plugin serves on `next`: every component, or an error.
  Result<Started> start_all(const Plugin& plugin, Running& next) const;
  Status go_live(Plugin& plugin, Started started, const std::shared_ptr<Generation>& generation);
  Status replace_beside(Plugin& plugin, Running& next);
  Status replace_after(Plugin& plugin, std::unique_ptr<Running>& next, bool restart);
  Status bring_back(Plugin& plugin, std::shared_ptr<const Recipe> recipe,
                    const std::shared_ptr<Generation>& generation);
  Result<Reloaded> replace(Plugin& plugin, std::shared_ptr<const Recipe> recipe,
                           const std::string& old_end_state);
  std::unique_ptr<Running> make_running(Plugin& plugin, std::shared_ptr<const Recipe> recipe);
  /// From now on this is what serves; returns what did before.
  std::unique_ptr<Running> make_current(Plugin& plugin, std::unique_ptr<Running> next);
  /// Judges the generation by its calls until it has proved itself.
  void put_on_probation(const Plugin& plugin, const CallTally& before);

  // registry_reload.cpp
  Result<Reloaded> reload(CatalogEntry& entry);
  void roll_back(const Verdicts::Verdict& verdict);
  void take_out(const std::string& id);

  // registry_watch.cpp
  void notice_gone_files();
  void forget_trouble(Plugin& plugin);
  void look_at_files();
};

/// What the manifest says of the component in use; null when it has none of that name and kind.
const ManifestComponent* find_component(const Manifest& manifest, const SlotUse& use);

/// The event with what identifies the generation.
void publish(std::string_view event, const Plugin& plugin, const Recipe& recipe,
             std::uint64_t number, log::Level level = log::Level::kInfo,
             std::string_view reason = {});

}  // namespace skep::plugin
