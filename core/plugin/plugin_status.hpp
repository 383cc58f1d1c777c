// What an operator is shown of one plugin that was loaded: what serves, what does not, and why.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/base/mutex.hpp"
#include "core/plugin/generations.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/running.hpp"

namespace skep::plugin {

/// Why the newest file of a plugin does not serve.
struct Trouble {
  std::string reason;
  std::string sha256{};  ///< of that file; "" = it is the one that serves, or there is none
};

/// Written by whoever has the registry's turn, read by anybody: no lock here is held while a plugin
/// is called. [any]
class PluginStatus {
 public:
  explicit PluginStatus(const std::string& id) : generations_(id) {}

  Generations& generations() { return generations_; }
  const Generations& generations() const { return generations_; }

  /// From now on this serves, and nothing is in trouble.
  void serves(const Recipe& recipe);
  void serves_nothing();
  void set_trouble(Trouble trouble);
  Trouble trouble() const;
  void clear_trouble() { set_trouble({}); }
  /// Task types of it that another plugin serves, by type.
  void set_shadowed(std::map<std::string, std::string> owners);

  /// With `file`, what the scan says of the plugin's file; without one, nothing when nothing
  /// serves.
  std::optional<PluginInfo> shown(const PluginInfo* file) const;

 private:
  Generations generations_;
  mutable Mutex mutex_;
  std::optional<PluginInfo> serving_ SKEP_GUARDED_BY(mutex_);
  Trouble trouble_ SKEP_GUARDED_BY(mutex_);
  std::map<std::string, std::string> shadowed_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::plugin
