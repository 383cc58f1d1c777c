// Loaded plugins and the instances of their components.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/stage.hpp"

namespace skep::plugin {

/// A plugin between open() and close(). Its code stays mapped after that.
class LoadedPlugin {
 public:
  /// Loads the staged file and calls open(). [control]
  /// `state_dir` is the node's, for its services; `generation` names it in messages.
  static Result<std::shared_ptr<LoadedPlugin>> load(const std::string& id, const Staged& staged,
                                                    const std::string& state_dir = {},
                                                    std::uint64_t generation = 0);
  LoadedPlugin(const LoadedPlugin&) = delete;
  LoadedPlugin& operator=(const LoadedPlugin&) = delete;
  ~LoadedPlugin();

  const skep_plugin_v1& table() const { return *table_; }
  const std::string& id() const { return host_->plugin_id(); }

 private:
  LoadedPlugin(PluginHost* host, const skep_plugin_v1* table) : host_(host), table_(table) {}
  void close();
  PluginHost* host_;  ///< never freed: see PluginHost
  const skep_plugin_v1* table_;
  bool open_ = false;
};

/// One started component instance; stopped and destroyed with the object. Shared by the adapter
/// that uses it and by calls under way, so the last of them ends it.
class Instance {
 public:
  /// Checks the component's table of kind `kind`, creates and starts. [control]
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
  Status create(std::string_view config_json);

  std::shared_ptr<LoadedPlugin> plugin_;  ///< keeps it open as long as an instance lives
  std::string component_;
  const void* iface_ = nullptr;
  skep_inst* handle_ = nullptr;
};

}  // namespace skep::plugin
