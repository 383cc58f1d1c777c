// One script's generations: which one serves, which one to go back to, which ones are leaving.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/plugin/generation.hpp"
#include "core/plugin/script_engine.hpp"
#include "core/plugin/task_table.hpp"

namespace skep::plugin {

/// One loaded text of a script.
struct ScriptVersion {
  std::shared_ptr<Generation> generation;
  std::shared_ptr<TaskComponent> component;
  std::string engine_id;  ///< what the engine keeps the text as
  std::string path;
};

/// Used by one thread at a time.
class ScriptServing {
 public:
  /// Probation: a new generation is taken back when it has so many faults, and more faults than
  /// half its runs. It is over after kProbationRuns.
  static constexpr std::int64_t kProbationRuns = 5;
  static constexpr std::int64_t kProbationFaults = 3;

  /// `wake` is called on any thread when settle() has something to do; it outlives nothing here.
  ScriptServing(std::string name, std::shared_ptr<TaskTable> table,
                std::shared_ptr<ScriptEngine> engine, std::function<void()> wake);

  const std::string& name() const { return name_; }
  /// The file that serves; "" = none.
  std::string path() const { return current_.path; }
  bool serves() const { return current_.generation != nullptr; }
  std::uint64_t next_number() { return ++number_; }
  static std::string owner_of(const std::string& name) { return "script:" + name; }

  /// Routes the type to `next`; the generation before it drains and stays at hand for the
  /// probation. kState when a plugin serves the type: then nothing has changed.
  Status put(ScriptVersion next);
  /// Takes the type out; what runs goes on to its end.
  void withdraw();
  /// Retires what has drained, ends or answers a probation. True while something is leaving.
  bool settle();
  /// Newest first, at most 8.
  std::vector<GenerationInfo> generations() const;

 private:
  void watch(const ScriptVersion& version) const;
  void leave(ScriptVersion version, std::string_view state);
  bool fails_probation() const;
  void roll_back();
  void retire(ScriptVersion& version);
  void publish(std::string_view event, const ScriptVersion& version,
               const std::string& reason = {}) const;

  std::string name_;
  std::shared_ptr<TaskTable> table_;
  std::shared_ptr<ScriptEngine> engine_;
  std::function<void()> wake_;
  std::uint64_t number_ = 0;
  ScriptVersion current_;
  ScriptVersion previous_;  ///< while current_ is on probation
  std::vector<ScriptVersion> leaving_;
  std::vector<GenerationInfo> past_;  ///< oldest first
};

}  // namespace skep::plugin
