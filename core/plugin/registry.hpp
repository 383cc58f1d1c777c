// The plugin registry: finds plugins, says what they are without loading them, stages, loads and
// makes instances. Nothing outside core/plugin knows what a shared library is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/plugin/generation.hpp"
#include "core/ports/heartbeat.hpp"
#include "core/ports/queue.hpp"
#include "core/ports/spool.hpp"
#include "core/ports/store.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::plugin {

class TaskTable;

/// How long a generation that was replaced may take to end its calls.
struct DrainLimits {
  /// Then what still runs is cancelled with the reason "reload". Where callers have to wait for the
  /// old generation, at most ten seconds.
  Millis soft{3'600'000};
  /// From then until it is a zombie, left as it is, with an alarm. Longer where the plugin's own
  /// `cancel_grace_ms` is.
  Millis grace{20'000};
};

/// A plugin or script about to be loaded, as a private copy that nobody changes any more.
struct Candidate {
  std::string id;  ///< "" = not known yet, and nothing of it has run: a first look
  std::string version;
  std::string abi;          ///< "skep/1"; "lua" for scripts
  std::string sha256;       ///< of the copy
  std::string staged_path;  ///< the copy, which is what will be loaded
  std::string source_path;  ///< where it came from; its signature is SOURCE.minisig
};
/// Says whether a candidate may be loaded; kDenied with what was expected and found. [any]
using Admission = std::function<Status(const Candidate&)>;

struct RegistryOptions {
  std::vector<std::string> paths;  ///< folders searched for *.so, in order; the first id wins
  std::string staging_dir{};  ///< private copies are loaded from here (0700, made when missing)
  std::map<std::string, std::string> tables{};  ///< [plugins.ID] as JSON objects
  std::string state_dir{};                      ///< of the node: kv spaces; "" = kv answers kState
  std::string node_id{};                        ///< for skep.svc.node
  std::string site{};                           ///< the same
  Admission admission{};                        ///< empty = everything may
  /// What `admission` goes by, besides FILE.minisig: when it changes, the watch asks again. "" = no
  /// such file.
  std::string lock_file{};
  /// Isolation of the task components of plugins whose table and folder do not say otherwise.
  std::string isolation = "inproc";
  /// Plugins of `shipped_dir` with an id in `shipped` run as their manifests say.
  std::string shipped_dir{};
  std::vector<std::string> shipped{};
  /// Names of components that belong to the plugin with this id: any other that has one is refused.
  std::map<std::string, std::string> reserved{};
  std::string plughost{};  ///< program for child processes; "" = beside this one
  bool probe = true;       ///< try a new file in a child before it is loaded here
  DrainLimits drain{};     ///< until set_drain()
  /// One of `paths` that is filled from elsewhere while the node runs; "" = none. A table that
  /// names no plugin waits for one then, with a warning in the log, and one that does not fit a
  /// plugin of this folder refuses that plugin: what arrives cannot keep a node from starting.
  std::string arrivals{};
};

struct ComponentInfo {
  std::string name;
  std::string kind;  ///< "skep.kind.task/1"
  std::string description;
  std::string config_schema;         ///< JSON Schema text
  std::string params_schema;         ///< tasks
  std::int64_t max_concurrency = 0;  ///< 0 = no limit
  std::int64_t default_timeout_ms = 0;
  std::int64_t cancel_grace_ms = 1000;
  std::vector<std::string> permissions;
};

enum class PluginState : std::uint8_t {
  kAvailable,  ///< its file may be loaded
  kLoaded,     ///< a version of it serves
  kDisabled,   ///< by its table
  kRefused,    ///< its file may not, or cannot, be loaded
};
std::string_view to_string(PluginState s);

struct PluginInfo {
  std::string id;
  std::string version;
  std::string license;
  std::string description;
  std::string path;
  std::string sha256;
  std::string failed_sha256{};  ///< of its newest file while that does not serve; "" = it does
  PluginState state = PluginState::kAvailable;
  std::string reason;  ///< why it was refused, or why its newest file does not serve: many lines
  std::vector<ComponentInfo> components;
  std::vector<GenerationInfo> generations{};  ///< newest first; empty before the first load
};

/// What a reload came to.
struct Reloaded {
  std::string id;
  std::uint64_t generation = 0;  ///< that serves now
  std::string version;
  std::string sha256;
  bool changed = false;  ///< false: the file and its table are those that serve already
};

/// What new tables came to, plugin by plugin.
struct Configured {
  struct Failed {
    std::string id;
    Error error;
  };
  std::vector<std::string> changed;  ///< ids that go by their new table
  std::vector<Failed> failed;        ///< those that go on with their old one, or serve nothing
};

/// Staging needs a file system that allows execution; nothing is written before the first load.
/// All functions may be called from any thread; they take turns.
class Registry {
 public:
  explicit Registry(RegistryOptions options);
  ~Registry();

  /// Reads the manifests of every *.so in the paths. A bad file is listed as refused and stops
  /// nothing. kConfig for a [plugins.X] table that names no plugin or does not fit its schema,
  /// but see RegistryOptions::arrivals.
  /// `enabled` and `isolation` in that table are the host's own keys. Plugins that are loaded stay
  /// as they are when scan() is called again.
  Status scan();
  std::vector<PluginInfo> list() const;

  /// Plugins that served before this start, or that have a table, and of which nothing serves: why
  /// not and what to do, one text each. [any]
  std::vector<std::string> missing() const;

  // Instances, started. `name` is what TOML's `plugin = ".."` says: a component's name, or a
  // plugin's id when it has one component of that kind. kNotFound lists what there is. They stop
  // and go when destroyed; destroy them before the registry.
  Result<std::unique_ptr<ports::Queue>> queue(std::string_view name, std::string_view table_json);
  Result<std::unique_ptr<ports::Store>> store(std::string_view name, std::string_view table_json);
  Result<std::unique_ptr<ports::Spool>> spool(std::string_view name, std::string_view table_json);
  Result<std::unique_ptr<ports::Heartbeat>> heartbeat(std::string_view name,
                                                      std::string_view table_json);
  /// Loads and starts every task component that is not served yet, into the task table. One that
  /// fails to load is logged, listed as refused and left out.
  Result<std::shared_ptr<TaskTable>> tasks();
  /// The task types of this node, with those of scripts. Never null; may outlive the registry, but
  /// then runs nothing of plugins.
  std::shared_ptr<TaskTable> task_table() const;
  /// The task types by their manifests alone; loads nothing.
  std::vector<ports::TaskType> task_types() const;

  /// Brings the newest file and table of plugin `id` into service, beside the old generation or,
  /// for kinds that cannot be two, after it: see docs/plugin-reload.md. Returns once the new one
  /// serves; the old one ends its calls meanwhile. On any failure the old one goes on serving, the
  /// error names the step that failed, and list() keeps it as the reason. A file that crashed a
  /// probe or was rolled back is in quarantine (STATE_DIR/quarantine.json) and not tried again;
  /// `force` takes it out, and lets it serve without probation.
  Result<Reloaded> reload(std::string_view id, bool force = false);
  /// Somebody opened the plugin's file without this registry, as scripts do with their language;
  /// `opened` is what came of it. list() says so, and a new file or table of it counts at the next
  /// start: reload() and configure() answer with the error "needs-restart".
  void note_opened(std::string_view id, const Status& opened);
  /// Whether configure() would take these tables as a whole. Looks at the folders, as scan() does.
  Status check_tables(const std::map<std::string, std::string>& tables);
  /// Takes new [plugins.ID] tables: checks all of them first, then reloads each plugin whose table
  /// changed. An error means that nothing changed. A plugin that does not start with its new table
  /// goes on with the old one and is tried again by the next configure(). A file that cannot serve
  /// (half written, gone, refused, in quarantine) keeps no table from the version that serves.
  Result<Configured> configure(std::map<std::string, std::string> tables);
  /// Also for generations that drain already.
  void set_drain(DrainLimits limits);
  /// Watches the folders until the registry is destroyed: a finished file is loaded or reloaded, a
  /// removed one leaves its generation serving. Also takes generations back that do not prove
  /// themselves, which reload() and configure() alone do not.
  void watch();
  /// Calls of queue, store, spool and heartbeat that have not come back, in what serves: one text
  /// each, with the plugin. [any]
  std::vector<std::string> hangs() const;
  /// The node stops: such calls, those inside and those to come, are cancelled soon, and one that
  /// hangs is waited for no more than a few seconds. [any]
  void hurry();
  /// Waits until every generation that was replaced has ended. For tests and orderly ends.
  void wait_drained();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::plugin
