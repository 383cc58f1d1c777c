// One script's generations: which one serves, which one to go back to, which ones are leaving.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/plugin/generations.hpp"
#include "core/plugin/probation.hpp"
#include "core/plugin/quarantine.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/script_engine.hpp"
#include "core/plugin/scripts/staged_script.hpp"
#include "core/plugin/task_table.hpp"

namespace skep::plugin {

/// One loaded text of a script.
struct ScriptVersion {
  std::shared_ptr<Generation> generation;
  std::shared_ptr<TaskComponent> component;
  std::string engine_id;  ///< what the engine keeps the text as
  std::string path;
  std::shared_ptr<const StagedScript> copy{};  ///< that was admitted; null when nobody needs one
};

/// What is to be told once list() says so, too.
using News = std::vector<std::function<void()>>;

/// Used by one thread at a time.
class ManagedScript {
 public:
  struct Parts {
    std::shared_ptr<TaskTable> table;
    std::shared_ptr<ScriptEngine> engine;
    Admission admission;         ///< asked again before an older text comes back
    std::function<void()> wake;  ///< called on any thread when settle() has something to do
    std::shared_ptr<News> news;
    std::shared_ptr<Quarantine> quarantine;  ///< gets what is taken back
  };
  ManagedScript(std::string name, Parts parts);

  const std::string& name() const { return name_; }
  /// The file that serves; "" = none.
  std::string path() const { return current_.path; }
  bool serves() const { return current_.generation != nullptr; }
  /// What serves when it is one to come back to, else null.
  const ScriptVersion* proven() const;
  /// For put(); `info` without its number.
  std::shared_ptr<Generation> make_generation(GenerationInfo info) {
    return generations_->make(std::move(info));
  }
  static std::string owner_of(const std::string& name) { return "script:" + name; }

  /// Routes the type to `next`; the generation before it stays at hand for the probation. kState
  /// when a plugin serves the type: then nothing has changed.
  Status put(ScriptVersion next);
  /// Takes the type out; what runs goes on to its end.
  void withdraw();
  /// Retires what has drained, ends or answers a probation. True while something is leaving.
  bool settle();
  /// [any]
  std::shared_ptr<const Generations> generations() const { return generations_; }

 private:
  void wake_at_ends(const ScriptVersion& version) const;
  void leave(ScriptVersion version);
  void settle_probation();
  Status ask_trust(const ScriptVersion& version) const;
  void roll_back(const std::string& reason);
  void go_on(const std::string& reason, const Error& error);
  void retire(const ScriptVersion& version) const;
  void publish(std::string_view event, const ScriptVersion& version,
               const std::string& reason = {}) const;

  const std::string name_;
  const Parts parts_;
  const std::shared_ptr<Generations> generations_;
  ScriptVersion current_;
  ScriptVersion previous_;  ///< while current_ is on probation
  std::vector<ScriptVersion> leaving_;
};

}  // namespace skep::plugin
