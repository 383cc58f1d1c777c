// Loaded plugins and the instances of their components.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/stage.hpp"

namespace skep::plugin {

/// How long a plugin may take to come and to go; 0 = as long as it likes, on the caller's thread.
/// With limits its calls are made on threads that end with them. One that takes longer is given up:
/// it fails, its thread stays, and so does all that the plugin has.
struct Patience {
  Millis start{0};  ///< open() and mapping the code; create() with start()
  Millis stop{0};   ///< drain(); stop() with destroy(); close()
};

/// A plugin between open() and close(). Its code stays mapped after that.
class LoadedPlugin {
 public:
  /// Loads the staged file and calls open(). [control]
  static Result<std::shared_ptr<LoadedPlugin>> load(const PluginFacts& facts, const Staged& staged,
                                                    Patience patience = {});
  LoadedPlugin(const LoadedPlugin&) = delete;
  LoadedPlugin& operator=(const LoadedPlugin&) = delete;
  ~LoadedPlugin();

  const skep_plugin_v1& table() const { return *table_; }
  const std::string& id() const { return host_->plugin_id(); }
  const Patience& patience() const { return patience_; }

 private:
  LoadedPlugin(PluginHost* host, const skep_plugin_v1* table, Patience patience)
      : host_(host), table_(table), patience_(patience) {}
  static Result<std::shared_ptr<LoadedPlugin>> load_now(const PluginFacts& facts,
                                                        const Staged& staged, Patience patience);
  PluginHost* host_;  ///< never freed: see PluginHost
  const skep_plugin_v1* table_;
  const Patience patience_;
  bool open_ = false;
};

/// One started component instance; stopped and destroyed with the object. Shared by the adapter
/// that uses it and by calls under way, so the last of them ends it.
class Instance {
 public:
  /// Checks the component's table of kind `kind`, creates and starts, with the patience that its
  /// plugin was loaded with. kDeadline when that is over. [control]
  static Result<std::shared_ptr<Instance>> start(std::shared_ptr<LoadedPlugin> plugin,
                                                 const std::string& component,
                                                 std::string_view kind,
                                                 std::string_view config_json);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  /// Tells it that no new calls come and what runs should end by `deadline` (monotonic ms).
  void drain(MonoMs deadline);

  skep_inst* handle() const { return handle_; }
  /// The kind's table, checked by start().
  const void* iface() const { return iface_; }
  const std::string& plugin_id() const { return plugin_->id(); }
  const std::string& component() const { return component_; }

 private:
  Instance(std::shared_ptr<LoadedPlugin> plugin, std::string component)
      : plugin_(std::move(plugin)), component_(std::move(component)) {}
  static Result<std::shared_ptr<Instance>> start_now(std::shared_ptr<LoadedPlugin> plugin,
                                                     const std::string& component,
                                                     const std::string& kind,
                                                     const std::string& config_json);
  Status create(std::string_view config_json);
  bool is_out_of_drain() const;

  std::shared_ptr<LoadedPlugin> plugin_;  ///< keeps it open as long as an instance lives
  std::string component_;
  const void* iface_ = nullptr;
  skep_inst* handle_ = nullptr;
  std::shared_ptr<std::atomic<bool>> in_drain_;  ///< whether drain() has not returned yet
};

}  // namespace skep::plugin
