// The scripts of a node: watches the folders, turns each file into a task type, and each change of
// a file into a new generation of it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/folder_watch.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/script_engine.hpp"
#include "core/plugin/scripts/policy.hpp"
#include "core/plugin/scripts/script_file.hpp"
#include "core/plugin/scripts/serving.hpp"

namespace skep::plugin {

struct ScriptOptions {
  std::vector<std::string> paths;  ///< folders in order; of two files with one name the first wins
  std::string shipped{};           ///< the one of them that came with the program, "" = none
  std::string ending = ".lua";
  ScriptPolicy policy{};
  std::string staging_dir{};  ///< for the copies that `admission` looks at
  /// Empty = everything may. Asked twice: before anything of the text runs, without an id, and
  /// when its name is known.
  Admission admission{};
  std::string lock_file{};  ///< what `admission` reads: refused files are tried when it changes
};

/// One script file.
struct ScriptInfo {
  std::string name;  ///< the task type; the file's name while it has none
  std::string version;
  std::string description;
  std::string path;
  std::string sha256;  ///< of the file, also while an older text serves; "" = cannot be read
  std::string state;   ///< active, failed, shadowed, disabled or rolled_back
  std::string reason;  ///< why it is not active: "FILE:LINE: .."
  std::vector<std::string> permissions;
  std::vector<std::string> warnings;
  /// Newest first. A file that failed may have an older text that serves.
  std::vector<GenerationInfo> generations;
};

/// list() is [any]; the rest belongs to the owner.
class ScriptCatalog {
 public:
  ScriptCatalog(ScriptOptions options, std::shared_ptr<ScriptEngine> engine,
                std::shared_ptr<TaskTable> table);
  ~ScriptCatalog();

  /// Loads what is there, then follows the folders on a thread of its own.
  void start();
  /// Looks at every file once. REQUIRES: not started.
  void scan();
  /// Takes all types out; what runs goes on.
  void stop();
  /// By path order.
  std::vector<ScriptInfo> list() const;

 private:
  struct File {
    ScriptInfo info;
    /// Of the text that was looked at last; "" = it is looked at again, as what refused it may
    /// pass.
    std::string tried;
    std::string serves;  ///< the task type that an older or the present text of it serves
  };

  void follow(const std::stop_token& stop);
  void look_at_all();
  void look_at(const std::string& path);
  void refresh(const std::string& path);
  void gone(const std::string& path);
  Result<ScriptManifest> load(const std::string& path, const ScriptText& text,
                              const std::string& engine_id);
  Status check_policy(const ScriptManifest& manifest, const std::string& path) const;
  Status serve(File& file, ScriptManifest manifest, const ScriptText& text,
               const std::string& engine_id);
  ScriptVersion make_version(const ScriptManifest& manifest, const File& file,
                             const ScriptText& text, const std::string& engine_id);
  void fail(File& file, std::string state, std::string sha256, const Error& error);
  void stop_serving(File& file);
  void retry_shadowed(const std::string& name);
  bool settle();
  std::size_t rank(const std::string& path) const;
  ScriptServing& serving_of(const std::string& name);
  ScriptServing* owner_of_name(const std::string& name);

  const ScriptOptions options_;
  const std::shared_ptr<ScriptEngine> engine_;
  const std::shared_ptr<TaskTable> table_;
  const std::shared_ptr<FolderWatch> watch_;  ///< calls that end wake it, also after we went
  std::uint64_t loads_ = 0;
  mutable std::mutex mutex_;  ///< guards the maps against list(); one thread alone changes them
  std::map<std::string, File> files_;
  std::map<std::string, std::unique_ptr<ScriptServing>> served_;
  std::jthread thread_;
};

}  // namespace skep::plugin
