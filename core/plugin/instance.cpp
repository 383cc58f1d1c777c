#include "core/plugin/instance.hpp"

#include <deque>

#include "core/base/log.hpp"
#include "core/base/mutex.hpp"
#include "core/plugin/boundary.hpp"
#include "core/plugin/kinds.hpp"
#include "core/plugin/loader.hpp"

namespace skep::plugin {
namespace {

/// Hosts stay for the life of the process: code that a plugin left behind may call at any time.
PluginHost* make_host(const std::string& id, const std::string& state_dir,
                      std::uint64_t generation) {
  static Mutex mutex;
  static auto* hosts = new std::deque<PluginHost>;
  const MutexLock lock(mutex);
  return &hosts->emplace_back(id, state_dir, generation);
}

}  // namespace

Result<std::shared_ptr<LoadedPlugin>> LoadedPlugin::load(const std::string& id,
                                                         const Staged& staged,
                                                         const std::string& state_dir,
                                                         std::uint64_t generation) {
  const auto table = load_library(staged);
  if (!table) return table.error().within("plugin " + id);
  std::shared_ptr<LoadedPlugin> plugin(
      new LoadedPlugin(make_host(id, state_dir, generation), *table));
  SKEP_TRY(call_plugin("plugin " + id + ": open()", [&](skep_err* err) {
    return plugin->table_->open(plugin->host_->handle(), err);
  }));
  plugin->open_ = true;
  return plugin;
}

LoadedPlugin::~LoadedPlugin() {
  if (open_) close();
  host_->entomb();
}

void LoadedPlugin::close() {
  const auto closed = call_plugin("close()", [&](skep_err*) {
    table_->close();
    return SKEP_OK;
  });
  if (!closed)
    log::error("plugin_close_failed", {{"plugin", id()}, {"error", closed.error().message}});
}

Result<std::shared_ptr<Instance>> Instance::start(std::shared_ptr<LoadedPlugin> plugin,
                                                  const std::string& component,
                                                  std::string_view kind,
                                                  std::string_view config_json) {
  std::shared_ptr<Instance> made(new Instance(std::move(plugin), component));
  const std::string who = "plugin " + made->plugin_id() + ": ";
  const auto& table = made->plugin_->table();
  const std::string kind_id(kind);
  SKEP_TRY(call_plugin(who + "iface()", [&](skep_err*) {
    made->iface_ = table.iface(component.c_str(), kind_id.c_str());
    return SKEP_OK;
  }));
  const Kind* known = find_kind(kind);
  if (known == nullptr) return invalid(who + "this host has no kind " + kind_id);
  const auto checked =
      check_table(made->iface_, "the " + kind_id + " table of component \"" + component + "\"",
                  known->functions);
  if (!checked) return checked.error().within("plugin " + made->plugin_id());
  SKEP_TRY(made->create(config_json));
  SKEP_TRY(call_plugin(who + "start of \"" + component + "\"",
                       [&](skep_err* err) { return table.start(made->handle_, err); }));
  return made;
}

Status Instance::create(std::string_view config_json) {
  const std::string doing = "plugin " + plugin_id() + ": create of \"" + component_ + "\"";
  SKEP_TRY(call_plugin(doing, [&](skep_err* err) {
    return plugin_->table().create(component_.c_str(), to_view(config_json), &handle_, err);
  }));
  if (handle_ == nullptr) return internal_error(doing + " returned success without an instance");
  return Status();
}

void Instance::drain(MonoMs deadline) {
  const auto drained = call_plugin("drain", [&](skep_err* err) {
    return plugin_->table().drain(handle_, deadline * 1'000'000, err);
  });
  if (!drained)
    log::warn(
        "plugin_drain_failed",
        {{"plugin", plugin_id()}, {"component", component_}, {"error", drained.error().message}});
}

Instance::~Instance() {
  if (handle_ == nullptr) return;
  const auto stopped =
      call_plugin("stop", [&](skep_err* err) { return plugin_->table().stop(handle_, err); });
  if (!stopped)
    log::warn(
        "plugin_stop_failed",
        {{"plugin", plugin_id()}, {"component", component_}, {"error", stopped.error().message}});
  const auto destroyed = call_plugin("destroy", [&](skep_err*) {
    plugin_->table().destroy(handle_);
    return SKEP_OK;
  });
  if (!destroyed)
    log::error(
        "plugin_destroy_failed",
        {{"plugin", plugin_id()}, {"component", component_}, {"error", destroyed.error().message}});
}

}  // namespace skep::plugin
