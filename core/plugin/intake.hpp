// The only way into service: from a private copy of a file to a recipe that may be started.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/base/log.hpp"
#include "core/plugin/component_use.hpp"
#include "core/plugin/last_good.hpp"
#include "core/plugin/plugin_files.hpp"
#include "core/plugin/quarantine.hpp"
#include "core/plugin/running.hpp"
#include "core/plugin/stage.hpp"

namespace skep::plugin {

/// A recipe that Intake::admit() let in; nobody else makes one, and nothing else is started.
class Admitted {
 public:
  const Recipe& operator*() const { return *recipe_; }
  const Recipe* operator->() const { return recipe_.get(); }
  const std::shared_ptr<const Recipe>& recipe() const { return recipe_; }

 private:
  friend class Intake;
  explicit Admitted(std::shared_ptr<const Recipe> recipe) : recipe_(std::move(recipe)) {}
  std::shared_ptr<const Recipe> recipe_;
};

/// Used by one thread at a time.
class Intake {
 public:
  /// `options` must outlive it.
  explicit Intake(const RegistryOptions& options);

  struct Request {
    std::string id;
    Staged copy;          ///< what will be loaded
    std::string source;   ///< the file in the plugin folder
    std::string vouched;  ///< its signature is VOUCHED.minisig: the source, or a copy that served
    PluginTable table;
    std::string isolation;
    std::uint64_t number = 0;             ///< of the generation that it would be
    const ComponentUses* uses = nullptr;  ///< that its components have to serve
    const Recipe* serving = nullptr;      ///< bytes that serve already have been admitted
    bool needed = false;  ///< the node cannot start without it: even from quarantine
    bool tell = false;    ///< the events plugin.staged and plugin.verified
  };
  /// Quarantine, manifest, table, trust, hazards and the probe, in that order, whatever brings the
  /// file into service: a start, a reload, a delivery or a roll-back. `step` names what refused it.
  Result<Admitted> admit(const Request& request, std::string_view& step);

  Result<Staged> stage(const std::string& source, const std::string& id, std::uint64_t number);
  /// What runs this plugin's tasks: its table, else the node's rule.
  std::string isolation_of(const PluginFile& file) const;
  RunningHost running_host() const {
    return {options_.state_dir, options_.node_id, options_.site, options_.plughost};
  }

  Quarantine& quarantine() { return quarantine_; }
  const Quarantine& quarantine() const { return quarantine_; }
  LastGood& last_good() { return last_good_; }
  /// `kept`: beyond the node's end.
  void put_into_quarantine(const Recipe& recipe, std::uint64_t number, const std::string& reason,
                           bool kept);

 private:
  Status check_quarantine(const Request& request) const;
  Result<std::shared_ptr<const Recipe>> verify(const Request& request) const;
  Status ask_trust(const Request& request, const Recipe& recipe) const;
  Status probe(const Recipe& recipe, std::uint64_t number);

  const RegistryOptions& options_;
  Quarantine quarantine_;
  LastGood last_good_;
  std::set<std::string> probed_;  ///< sha256 of files that a child survived
  std::optional<StagingArea> staging_;
};

/// The event with what identifies the generation.
void publish(std::string_view event, const Recipe& recipe, std::uint64_t number,
             log::Level level = log::Level::kInfo, std::string_view reason = {});

}  // namespace skep::plugin
