#include "core/plugin/scripts/open_engine.hpp"

#include <boost/json.hpp>

#include "core/api/schema.hpp"
#include "core/base/json.hpp"
#include "core/plugin/instance.hpp"
#include "core/plugin/isolation/child_group.hpp"
#include "core/plugin/scripts/inproc_engine.hpp"
#include "core/plugin/stage.hpp"
#include "skep/kind/script_host.h"

namespace skep::plugin {
namespace {

struct Opened {
  std::shared_ptr<ChildGroup> group;  ///< null in this process
  std::shared_ptr<ScriptEngine> engine;
};

/// Keeps what the engine runs from for as long as the engine; what is named first goes last.
struct Kept {
  StagingArea staging;
  Opened opened;
};

struct Found {
  PluginInfo plugin;
  ComponentInfo component;
};

Result<Found> find(const Registry& registry, const std::string& component) {
  for (PluginInfo& plugin : registry.list())
    for (const ComponentInfo& c : plugin.components)
      if (c.kind == SKEP_KIND_SCRIPT_HOST && c.name == component) {
        if (plugin.state == PluginState::kRefused || plugin.state == PluginState::kDisabled)
          return Error{Code::kNotFound, "plugin " + plugin.id + " is " +
                                            std::string(to_string(plugin.state)) +
                                            (plugin.reason.empty() ? "" : ": " + plugin.reason)};
        ComponentInfo found = c;
        return Found{std::move(plugin), std::move(found)};
      }
  return not_found("script host", component).with_next("skep plugin list");
}

std::vector<std::string> permissions_of(const Found& found) {
  std::vector<std::string> out;
  for (const ComponentInfo& c : found.plugin.components)
    out.insert(out.end(), c.permissions.begin(), c.permissions.end());
  return out;
}

/// The settings of the component: the table without the host's keys, with defaults.
Result<std::string> settings_of(json::object table, const Found& found) {
  for (const char* key : {"enabled", "isolation", "limits"}) table.erase(key);
  auto schema = api::Schema::compile(found.component.config_schema);
  if (!schema) return schema.error();
  json::value settings(std::move(table));
  if (const auto wrong = schema->apply(settings); !wrong.empty())
    return config_error(api::schema_error("[plugins." + found.plugin.id + "]", wrong).message);
  return to_text(settings);
}

constexpr Millis kStart{10'000};

Result<Opened> open_here(const Found& found, const Staged& staged, const std::string& config,
                         const EngineOptions& options) {
  const PluginFacts facts{found.plugin.id,       found.plugin.version, 1,
                          permissions_of(found), options.state_dir,    options.node_id,
                          options.site};
  auto plugin = LoadedPlugin::load(facts, staged, Patience{kStart, kStart});
  if (!plugin) return plugin.error();
  auto instance =
      Instance::start(std::move(*plugin), found.component.name, SKEP_KIND_SCRIPT_HOST, config);
  if (!instance) return instance.error();
  return Opened{nullptr, inproc_engine(std::move(*instance))};
}

Result<Opened> open_children(const Found& found, const Staged& staged, const std::string& config,
                             const ChildLimits& limits, bool per_task,
                             const EngineOptions& options) {
  auto plughost = find_plughost();
  if (!plughost) return plughost.error();
  ChildPlugin child;
  child.plughost = std::move(*plughost);
  child.file = staged;
  child.plugin_id = found.plugin.id;
  child.version = found.plugin.version;
  child.component = found.component.name;
  child.kind = SKEP_KIND_SCRIPT_HOST;
  child.config_json = config;
  child.generation = 1;
  child.per_task = per_task;
  child.limits = limits;
  child.cancel_grace = Millis(found.component.cancel_grace_ms);
  child.state_dir = options.state_dir;
  child.node_id = options.node_id;
  child.site = options.site;
  child.permissions = permissions_of(found);
  auto group = ChildGroup::start(std::move(child));
  if (!group) return group.error();
  std::shared_ptr<ScriptEngine> engine = (*group)->scripts();
  return Opened{std::move(*group), std::move(engine)};
}

enum class Place { kAsConfigured, kChild };

Result<std::shared_ptr<ScriptEngine>> open(const Found& found, const EngineOptions& options,
                                           Place place) {
  const auto table = parse_json(options.table);
  if (!table || !table->is_object())
    return config_error("[plugins." + found.plugin.id + "] is no table");
  const json::object& keys = table->get_object();
  auto limits = parse_limits(get_raw(keys, "limits", "{}"));
  if (!limits) return limits.error().within("[plugins." + found.plugin.id + ".limits]");
  auto config = settings_of(keys, found);
  if (!config) return config.error();
  auto staging = StagingArea::open(options.staging_dir);
  if (!staging) return staging.error();
  auto staged = staging->stage(found.plugin.path, found.plugin.id);
  if (!staged) return staged.error();
  if (options.admission)
    SKEP_TRY(options.admission({found.plugin.id, found.plugin.version, "skep/1", staged->sha256,
                                staged->path, found.plugin.path}));
  const std::string mode = get_string(keys, "isolation", options.isolation);
  auto opened = mode == "inproc" && place == Place::kAsConfigured
                    ? open_here(found, *staged, *config, options)
                    : open_children(found, *staged, *config, *limits, mode == "per-task", options);
  if (!opened) return opened.error();
  const auto kept = std::make_shared<Kept>(Kept{std::move(*staging), std::move(*opened)});
  return std::shared_ptr<ScriptEngine>(kept, kept->opened.engine.get());
}

}  // namespace

Result<std::shared_ptr<ScriptEngine>> open_script_engine(Registry& registry,
                                                         const EngineOptions& options) {
  const auto found = find(registry, options.component);
  if (!found) return found.error();
  auto engine = open(*found, options, Place::kAsConfigured);
  registry.note_opened(found->plugin.id, engine ? Status() : Status(engine.error()));
  return engine;
}

Result<std::shared_ptr<ScriptEngine>> open_spare_engine(const Registry& registry,
                                                        const EngineOptions& options) {
  const auto found = find(registry, options.component);
  if (!found) return found.error();
  return open(*found, options, Place::kChild);
}

}  // namespace skep::plugin
