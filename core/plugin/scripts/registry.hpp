// The scripts of a node: watches the folders, turns each file into a task type, and each change of
// a file into a new generation of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/folder_watch.hpp"
#include "core/base/mutex.hpp"
#include "core/plugin/last_good.hpp"
#include "core/plugin/quarantine.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/script_engine.hpp"
#include "core/plugin/scripts/managed_script.hpp"
#include "core/plugin/scripts/policy.hpp"
#include "core/plugin/scripts/script_file.hpp"
#include "core/plugin/tried_files.hpp"

namespace skep::plugin {

struct ScriptOptions {
  std::vector<std::string> paths;  ///< folders in order; of two files with one name the first wins
  std::string shipped{};           ///< the one of them that came with the program, "" = none
  std::string ending = ".lua";
  ScriptPolicy policy{};
  std::string staging_dir{};  ///< for the copies that `admission` looks at, and that are kept
  /// Of the node, on the file system of `staging_dir`: what served last well, and what was taken
  /// back, over restarts. "" = nothing is kept.
  std::string state_dir{};
  /// Empty = everything may. Asked twice: before anything of the text runs, without an id, and
  /// when its name is known.
  Admission admission{};
  std::string lock_file{};  ///< what `admission` reads: refused files are tried when it changes
};

enum class ScriptState : std::uint8_t {
  kActive,
  kFailed,      ///< this text does not serve; an older one may
  kShadowed,    ///< another file serves its name
  kDisabled,    ///< by its table
  kRolledBack,  ///< this text was taken back; an older one serves
};
std::string_view to_string(ScriptState s);

/// One script file.
struct ScriptInfo {
  std::string name;  ///< the task type; the file's name while it has none
  std::string version;
  std::string description;
  std::string path;
  std::string sha256;  ///< of the file, also while an older text serves; "" = cannot be read
  ScriptState state = ScriptState::kFailed;
  std::string reason;  ///< why it is not active: "FILE:LINE: .."
  std::vector<std::string> permissions;
  std::vector<std::string> warnings;
  /// Newest first. A file that failed may have an older text that serves.
  std::vector<GenerationInfo> generations;
};

/// list() and missing() are [any]; the rest belongs to the owner.
class ScriptRegistry {
 public:
  ScriptRegistry(ScriptOptions options, std::shared_ptr<ScriptEngine> engine,
                 std::shared_ptr<TaskTable> table);
  ~ScriptRegistry();

  /// Loads what is there, then follows the folders on a thread of its own.
  void start();
  /// Looks at every file once. REQUIRES: not started.
  void scan();
  /// Takes all types out; what runs goes on.
  void stop();
  /// By path order.
  std::vector<ScriptInfo> list() const;
  /// Scripts that served before this start and do not: why not and what to do, one text each. [any]
  std::vector<std::string> missing() const;

 private:
  struct File {
    ScriptInfo info;
    std::string serves;    ///< the task type that an older or the present text of it serves
    std::string failed{};  ///< why this text does not, as it was told
  };
  struct Shown {
    ScriptInfo info;
    std::shared_ptr<const Generations> generations;  ///< null = they are not this file's
  };
  /// One text on its way into service.
  struct Attempt {
    std::string path;     ///< the file, also when a kept copy of an older text stands in for it
    std::string vouched;  ///< its signature is VOUCHED.minisig: the file, or that copy
    ScriptText text;
    std::string engine_id;
  };
  struct Loaded {
    ScriptManifest manifest;
    std::shared_ptr<const StagedScript> copy;  ///< null when nobody judges, and nothing is kept
  };

  // registry_files.cpp
  void follow(const std::stop_token& stop);
  void look_at_all() SKEP_REQUIRES(turn_);
  void look_at(const std::string& path) SKEP_REQUIRES(turn_);
  void refresh(const std::string& path) SKEP_REQUIRES(turn_);
  void gone(const std::string& path) SKEP_REQUIRES(turn_);
  void fail(File& file, ScriptState state, std::string sha256, const Error& error)
      SKEP_REQUIRES(turn_);
  void retry_shadowed(const std::string& name) SKEP_REQUIRES(turn_);
  void serve_last_good(File& file) SKEP_REQUIRES(turn_);
  void keep_good() SKEP_REQUIRES(turn_);
  std::vector<std::string> find_missing() SKEP_REQUIRES(turn_);

  // registry.cpp
  Attempt attempt(const std::string& path, const std::string& vouched, ScriptText text)
      SKEP_REQUIRES(turn_);
  Status try_text(File& file, const Attempt& what) SKEP_REQUIRES(turn_);
  Result<Loaded> load(const Attempt& what) const SKEP_REQUIRES(turn_);
  Status check_policy(const ScriptManifest& manifest, const std::string& path) const;
  Status serve(File& file, const Loaded& loaded, const Attempt& what) SKEP_REQUIRES(turn_);
  ScriptVersion make_version(const Loaded& loaded, const Attempt& what) SKEP_REQUIRES(turn_);
  void stop_serving(File& file) SKEP_REQUIRES(turn_);
  bool settle() SKEP_REQUIRES(turn_);
  std::size_t rank(const std::string& path) const;
  ManagedScript& script_of(const std::string& name) SKEP_REQUIRES(turn_);
  ManagedScript* find_serving(const std::string& name) SKEP_REQUIRES(turn_);
  /// list() says what is true now; then what happened is told.
  void show() SKEP_REQUIRES(turn_);

  const ScriptOptions options_;
  const std::shared_ptr<ScriptEngine> engine_;
  const std::shared_ptr<TaskTable> table_;
  const std::shared_ptr<FolderWatch> watch_;  ///< calls that end wake it, also after we went

  /// Held while files are looked at and scripts come and go; never taken by list().
  Mutex turn_;
  std::uint64_t loads_ SKEP_GUARDED_BY(turn_) = 0;
  std::map<std::string, File> files_ SKEP_GUARDED_BY(turn_);
  /// By sha256, or why there is none; forgotten when what refused the text may pass.
  TriedFiles tried_ SKEP_GUARDED_BY(turn_);
  std::map<std::string, std::unique_ptr<ManagedScript>> scripts_ SKEP_GUARDED_BY(turn_);
  /// Texts that were taken back. Touched on the turn alone, by us and by our scripts.
  const std::shared_ptr<Quarantine> quarantine_;
  LastGood last_good_ SKEP_GUARDED_BY(turn_);
  /// Touched on the turn alone, by us and by our scripts; told by show().
  const std::shared_ptr<News> news_ = std::make_shared<News>();

  mutable Mutex mutex_;
  std::vector<Shown> shown_ SKEP_GUARDED_BY(mutex_);
  std::vector<std::string> missing_ SKEP_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace skep::plugin
