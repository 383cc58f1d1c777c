#include "core/plugin/instance.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <thread>

#include "core/base/log.hpp"
#include "core/base/mutex.hpp"
#include "core/plugin/boundary.hpp"
#include "core/plugin/host_call.hpp"
#include "core/plugin/kinds.hpp"
#include "core/plugin/loader.hpp"
#include "core/plugin/patience.hpp"

namespace skep::plugin {
namespace {

/// Hosts stay for the life of the process: code that a plugin left behind may call at any time.
PluginHost* make_host(const PluginFacts& facts) {
  static Mutex mutex;
  static auto* hosts = new std::deque<PluginHost>;
  const MutexLock lock(mutex);
  return &hosts->emplace_back(facts);
}

/// When a step of so much patience has to be over; 0 = whenever.
MonoMs in(Millis patience) {
  return patience.count() == 0 ? 0 : SystemClock().mono_ms() + patience.count();
}

Error too_slow(const std::string& doing, const std::string& id, Millis limit) {
  return Error{Code::kDeadline,
               doing + ": it did not return within " + std::to_string(limit.count()) +
                   " ms and was given up; its thread goes on",
               "plugin-hangs",
               "if it only needs longer: [plugins." + id + ".limits] start_timeout_ms"};
}

/// Makes `object`, which ends with nobody to use it should that come about too late.
template <class T>
Result<T> make_patiently(const std::string& doing, const std::string& id, Millis limit,
                         std::function<Result<T>()> make) {
  const auto made = std::make_shared<std::optional<Result<T>>>();
  const bool in_time = run_patiently([made, make = std::move(make)] { made->emplace(make()); },
                                     limit, [made] { made->reset(); });
  if (!in_time) return too_slow(doing, id, limit);
  return std::move(**made);
}

}  // namespace

Result<std::shared_ptr<LoadedPlugin>> LoadedPlugin::load(const PluginFacts& facts,
                                                         const Staged& staged, Patience patience) {
  return make_patiently<std::shared_ptr<LoadedPlugin>>(
      "plugin " + facts.id + ": open()", facts.id, patience.start,
      [=] { return load_now(facts, staged, patience); });
}

Result<std::shared_ptr<LoadedPlugin>> LoadedPlugin::load_now(const PluginFacts& facts,
                                                             const Staged& staged,
                                                             Patience patience) {
  const std::string& id = facts.id;
  const auto table = load_library(staged);
  if (!table) return table.error().within("plugin " + id);
  std::shared_ptr<LoadedPlugin> plugin(new LoadedPlugin(make_host(facts), *table, patience));
  SKEP_TRY(call_plugin("plugin " + id + ": open()", [&](skep_err* err) {
    return plugin->table_->open(plugin->table_, plugin->host_->handle(), err);
  }));
  plugin->open_ = true;
  return plugin;
}

LoadedPlugin::~LoadedPlugin() {
  const auto close = [table = table_, host = host_] {
    const auto closed = call_plugin("close()", [&](skep_err*) {
      table->close(table);
      return SKEP_OK;
    });
    if (!closed)
      log::error("plugin_close_failed",
                 {{"plugin", host->plugin_id()}, {"error", closed.error().message}});
  };
  if (open_ && !run_patiently(close, patience_.stop))
    log::error("plugin_given_up", {{"plugin", id()}, {"step", "close()"}});
  host_->entomb();
}

Result<std::shared_ptr<Instance>> Instance::start(std::shared_ptr<LoadedPlugin> plugin,
                                                  const std::string& component,
                                                  std::string_view kind,
                                                  std::string_view config_json) {
  const std::string id = plugin->id();
  const Millis limit = plugin->patience().start;
  return make_patiently<std::shared_ptr<Instance>>(
      "plugin " + id + ": start of \"" + component + "\"", id, limit,
      [plugin = std::move(plugin), component, kind = std::string(kind),
       config = std::string(config_json)] { return start_now(plugin, component, kind, config); });
}

Result<std::shared_ptr<Instance>> Instance::start_now(std::shared_ptr<LoadedPlugin> plugin,
                                                      const std::string& component,
                                                      const std::string& kind,
                                                      const std::string& config_json) {
  std::shared_ptr<Instance> made(new Instance(std::move(plugin), component));
  const std::string who = "plugin " + made->plugin_id() + ": ";
  const auto& table = made->plugin_->table();
  SKEP_TRY(call_plugin(who + "iface()", [&](skep_err*) {
    made->iface_ = table.iface(&table, component.c_str(), kind.c_str());
    return SKEP_OK;
  }));
  const Kind* known = find_kind(kind);
  if (known == nullptr) return invalid(who + "this host has no kind " + kind);
  const auto checked = check_table(
      made->iface_, "the " + kind + " table of component \"" + component + "\"", known->functions);
  if (!checked) return checked.error().within("plugin " + made->plugin_id());
  SKEP_TRY(made->create(config_json));
  HostCall call(made->plugin_id(), component, in(made->plugin_->patience().start));
  SKEP_TRY(call_plugin(who + "start of \"" + component + "\"", [&](skep_err* err) {
    return table.start(made->handle_, call.handle(), err);
  }));
  return made;
}

Status Instance::create(std::string_view config_json) {
  const std::string doing = "plugin " + plugin_id() + ": create of \"" + component_ + "\"";
  SKEP_TRY(call_plugin(doing, [&](skep_err* err) {
    return plugin_->table().create(&plugin_->table(), component_.c_str(), to_view(config_json),
                                   &handle_, err);
  }));
  if (handle_ == nullptr) return internal_error(doing + " returned success without an instance");
  return Status();
}

void Instance::drain(MonoMs deadline) {
  in_drain_ = std::make_shared<std::atomic<bool>>(true);
  // It may wait for its calls until then, but not in the way of everybody else.
  run_patiently(
      [plugin = plugin_, component = component_, handle = handle_, deadline, inside = in_drain_] {
        HostCall call(plugin->id(), component, deadline);
        const auto drained = call_plugin("drain", [&](skep_err* err) {
          return plugin->table().drain(handle, call.handle(), err);
        });
        if (!drained)
          log::warn("plugin_drain_failed", {{"plugin", plugin->id()},
                                            {"component", component},
                                            {"error", drained.error().message}});
        *inside = false;
      },
      plugin_->patience().stop);
}

/// False when it does not come out of drain().
bool Instance::is_out_of_drain() const {
  constexpr Millis kLook{10};
  const SystemClock clock;
  const MonoMs until = clock.mono_ms() + plugin_->patience().stop.count();
  while (in_drain_ && *in_drain_ && clock.mono_ms() < until) std::this_thread::sleep_for(kLook);
  return !in_drain_ || !*in_drain_;
}

namespace {

void stop_now(const LoadedPlugin& plugin, const std::string& component, skep_inst* handle) {
  const auto tell = [&](log::Level level, std::string_view event, const Error& error) {
    log::write(level, event,
               {{"plugin", plugin.id()}, {"component", component}, {"error", error.message}});
  };
  HostCall call(plugin.id(), component, in(plugin.patience().stop));
  const auto stopped = call_plugin(
      "stop", [&](skep_err* err) { return plugin.table().stop(handle, call.handle(), err); });
  if (!stopped) tell(log::Level::kWarn, "plugin_stop_failed", stopped.error());
  const auto destroyed = call_plugin("destroy", [&](skep_err*) {
    plugin.table().destroy(handle);
    return SKEP_OK;
  });
  if (!destroyed) tell(log::Level::kError, "plugin_destroy_failed", destroyed.error());
}

}  // namespace

Instance::~Instance() {
  if (handle_ == nullptr) return;
  const auto stop = [plugin = plugin_, component = component_, handle = handle_] {
    stop_now(*plugin, component, handle);
  };
  const bool out = is_out_of_drain();
  if (!out || !run_patiently(stop, plugin_->patience().stop))
    log::error("plugin_given_up", {{"plugin", plugin_id()},
                                   {"component", component_},
                                   {"step", out ? "stop" : "drain"},
                                   {"effect", "its thread goes on, and all that it holds stays"}});
}

}  // namespace skep::plugin
