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
#include "core/plugin/quarantine.hpp"
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
  bool tasks_serve = false;          ///< each of its types that is not `shadowed`
  std::set<std::string> shadowed;    ///< types of it that somebody else served when it came
  bool gone = false;                 ///< its file is
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

/// What somebody else runs of a plugin.
struct Opened {
  std::string sha256;  ///< "" = it could not be opened
  std::string table;
};

/// Why a file was not loaded, for as long as it is that file and nobody tries it again.
struct Refusal {
  std::string id;
  std::string sha256;
  std::string reason;
};

/// Equal when nobody touched the file, nor what decides whether it may be loaded: who may change
/// it, its signature, the lock file.
struct FileStamp {
  std::string content;
  std::string admission;
  bool operator==(const FileStamp&) const = default;
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
  Quarantine quarantine;
  std::map<std::string, Opened, std::less<>> opened;  ///< by id: see note_opened()
  std::set<std::string> probed;                       ///< sha256 of files that a child survived
  std::map<std::string, std::string> tried;     ///< sha256 by path: it serves, or it was refused
  std::map<std::string, Refusal> refusals;      ///< by path: files that could not be loaded
  std::set<std::string> tables_wait;            ///< ids that do not run by their newest table
  std::map<std::string, FileStamp> seen_files;  ///< by path: what the watch looked at last
  bool serving = false;                         ///< tasks() was called: new plugins serve too
  std::optional<StagingArea> staging;
  std::unique_ptr<Drainer> drainer;
  std::unique_ptr<Keeper> keeper;

  // registry.cpp
  Status scan();
  RunningHost running_host() const { return {options.state_dir, options.plughost}; }
  /// What runs this plugin's tasks: its table, else the node's rule.
  std::string isolation_of(const CatalogEntry& entry) const;
  void refuse(CatalogEntry& entry, const std::string& reason);
  void forget_refusals(std::string_view id);
  void show_refusals(std::vector<CatalogEntry>& found) const;

  // registry_load.cpp: what serves for the first time
  Plugin& plugin_of(const CatalogEntry& entry);
  /// Code that nothing runs in yet: start components, then make_current() or give_up_load(). Null
  /// when the plugin serves already. What is `needed` for the node to start is loaded even from
  /// quarantine.
  Result<std::unique_ptr<Running>> load(const CatalogEntry& entry, Plugin& plugin,
                                        bool needed = false);
  static void give_up_load(const Plugin& plugin, std::unique_ptr<Running> fresh,
                           const std::string& reason);
  /// Starts and serves those task components whose type nobody serves; what went wrong, one a line.
  std::string start_free_types(Plugin& plugin, Running& running);
  /// Starts and serves the task components of a usable plugin.
  void serve_tasks(CatalogEntry& entry);
  /// The same for types that somebody else served when their plugin came.
  void serve_freed_types();

  // registry_slots.cpp
  Result<std::shared_ptr<SlotRoute>> open_slot(std::string_view kind, std::string_view name,
                                               std::string_view table_json);
  void close_slot(const std::string& id, const std::shared_ptr<SlotUse>& use);

  // registry_stage.cpp: from a file to a recipe
  Result<Staged> stage(const std::string& source, const std::string& id, std::uint64_t number);
  Result<std::shared_ptr<const Recipe>> verify(const CatalogEntry& entry, const Plugin& plugin,
                                               const Staged& staged) const;
  Status probe(const Recipe& recipe, std::uint64_t number);
  void put_into_quarantine(const Recipe& recipe, std::uint64_t number, const std::string& reason,
                           bool kept);
  /// A staged copy of `source` for the plugin's next generation. After the first few it may be an
  /// earlier one with the same bytes whose generation has ended: its code is mapped already, so
  /// that memory stays bounded however often two versions alternate.
  Result<Staged> image_of(Plugin& plugin, const std::string& source);
  /// The same of a staged copy. kDenied when it is no longer what was staged.
  Result<Staged> same_bytes_of(Plugin& plugin, const Staged& staged);

  // registry_replace.cpp
  static Status start_code(Running& running);
  struct Started {
    std::vector<std::shared_ptr<TaskComponent>> tasks;
    std::vector<Route::Target> slots;  ///< one for each of the plugin's uses
    std::set<std::string> shadowed;    ///< types left out, as somebody else serves them
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
  /// What a new generation is made of: the file in the plugin folder, or the one that serves.
  enum class From { kFolder, kServing };
  /// REQUIRES: the plugin serves.
  Result<Reloaded> reload(const CatalogEntry& entry, From from = From::kFolder);
  void roll_back(const Verdicts::Verdict& verdict);
  void take_out(const std::string& id);

  // registry_configure.cpp
  std::set<std::string> replace_by_serving(std::vector<CatalogEntry>& some) const;
  std::set<std::string> changed_tables(const std::map<std::string, std::string>& tables) const;
  Status check_uses_of(const std::set<std::string>& changed, std::vector<CatalogEntry>& some) const;
  Result<Reloaded> reload_with_table(const CatalogEntry& entry, bool is_serving);
  static Error needs_restart(std::string_view id);
  void show_opened(PluginInfo& info) const;
  Status take_table(const CatalogEntry& entry, bool is_serving);

  // registry_watch.cpp
  void notice_gone_files();
  void notice_broken_file(const CatalogEntry& entry);
  void forget_trouble(Plugin& plugin);
  bool is_known_as_bad(const Plugin& plugin, const std::string& sha256) const;
  void look_at_files();
  void look_again_at(const std::map<std::string, FileStamp>& files);
  void note_admissions();
  std::vector<std::string> watched_folders() const;
};

bool has_tasks(const Manifest& manifest);

/// What the manifest says of the component in use; null when it has none of that name and kind.
const ManifestComponent* find_component(const Manifest& manifest, const SlotUse& use);

/// The event "plugin.failed" of a version that did not come into service.
void publish_failed(const Plugin& plugin, std::string_view step, std::string_view reason);

/// The event with what identifies the generation.
void publish(std::string_view event, const Recipe& recipe, std::uint64_t number,
             log::Level level = log::Level::kInfo, std::string_view reason = {});

}  // namespace skep::plugin
