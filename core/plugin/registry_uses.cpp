// The components that a TOML table names: queue, store, spool, heartbeat.
#include <algorithm>
#include <deque>

#include "core/api/members.hpp"
#include "core/base/text.hpp"
#include "core/plugin/adapters/heartbeat.hpp"
#include "core/plugin/adapters/queue.hpp"
#include "core/plugin/adapters/spool.hpp"
#include "core/plugin/adapters/store.hpp"
#include "core/plugin/kinds.hpp"
#include "core/plugin/registry_impl.hpp"

namespace skep::plugin {
namespace {

struct Choice {
  PluginFile* file = nullptr;
  const ManifestComponent* component = nullptr;
};

std::string word_of(std::string_view kind) {
  const Kind* known = find_kind(kind);
  return std::string(known == nullptr ? kind : known->word);
}

bool by_name(const Choice& c, std::string_view name) { return c.component->name == name; }
bool by_id(const Choice& c, std::string_view id) { return c.file->info.id == id; }

void add_choices(PluginFile& file, std::string_view kind, std::vector<Choice>& to) {
  if (!file.manifest) return;
  for (const ManifestComponent& c : file.manifest->components)
    if (c.kind == kind) to.push_back({&file, &c});
}

Error none_such(std::string_view kind, std::string_view name, const std::vector<Choice>& choices,
                const std::vector<std::string>& searched) {
  std::vector<std::string> names;
  std::string there;
  for (const Choice& c : choices) {
    if (!c.file->usable()) continue;
    names.push_back(c.component->name);
    there += "\n  " + c.component->name + "  (plugin " + c.file->info.id + " " +
             c.file->info.version + ", " + c.file->info.path + ")";
  }
  const std::string word = word_of(kind);
  std::string message = "no " + word + " \"" + std::string(name) + "\"";
  if (const std::string near = nearest(name, names); !near.empty())
    message += "; did you mean \"" + near + "\"?";
  message += there.empty() ? "\n  there is no " + word + " at all" : "\n  there is:" + there;
  message += "\n  searched: " +
             (searched.empty() ? "nothing, [plugins] paths is empty" : join(searched, ", "));
  return Error{Code::kNotFound, std::move(message), "unknown-plugin", "skep plugin list"};
}

Error not_usable(std::string_view kind, std::string_view name, const PluginFile& file) {
  const std::string what =
      word_of(kind) + " \"" + std::string(name) + "\" is in plugin " + file.info.id;
  if (file.info.state == PluginState::kDisabled)
    return config_error(what + ", which [plugins." + file.info.id + "] enabled = false turns off");
  return config_error(what + ", which was refused: " + file.info.reason);
}

Result<Choice> choose(std::string_view kind, std::string_view name, std::vector<Choice> all,
                      const std::vector<std::string>& searched) {
  for (auto matches : {by_name, by_id}) {
    std::vector<Choice> hits;
    for (const Choice& c : all)
      if (matches(c, name)) hits.push_back(c);
    const auto usable =
        std::find_if(hits.begin(), hits.end(), [](const Choice& c) { return c.file->usable(); });
    if (usable == hits.end() && !hits.empty()) return not_usable(kind, name, *hits[0].file);
    if (usable == hits.end()) continue;
    const bool by_plugin = matches == by_id;
    if (by_plugin && std::count_if(hits.begin(), hits.end(),
                                   [&](const Choice& c) { return c.file == usable->file; }) > 1)
      return config_error("plugin \"" + std::string(name) + "\" has several components of kind " +
                          word_of(kind) + "; name one of them")
          .with_next("skep plugin show " + std::string(name));
    return *usable;
  }
  return none_such(kind, name, all, searched);
}

}  // namespace

/// Of every file, also one that may not be used; of one that was refused, the last good version.
Result<std::shared_ptr<RouteHandle>> Registry::Impl::open_component(std::string_view kind,
                                                                    std::string_view name,
                                                                    std::string_view table_json) {
  const MutexLock lock(turn);
  std::deque<PluginFile> last_good;
  std::vector<Choice> choices;
  for (PluginFile& file : files) {
    auto good = file.info.state == PluginState::kRefused && find_serving(file.info.id) == nullptr
                    ? last_good_of(file)
                    : std::nullopt;
    add_choices(good ? last_good.emplace_back(std::move(*good)) : file, kind, choices);
  }
  const auto choice = choose(kind, name, std::move(choices), options.paths);
  if (!choice) return choice.error();
  auto chosen_by = api::parse_object(table_json, "[" + word_of(kind) + "]");
  if (!chosen_by) return chosen_by.error();

  PluginFile& file = *choice->file;
  const std::string component = choice->component->name;
  std::vector<PluginFile*> ways{&file};
  const bool bad = intake.quarantine().has(file.info.sha256);
  if (file.kept.empty() && find_serving(file.info.id) == nullptr)
    if (auto good = last_good_of(file))
      ways.insert(bad ? ways.begin() : ways.end(), &last_good.emplace_back(std::move(*good)));
  std::string why = bad ? intake.quarantine().refusal(file.info.sha256).with_advice() : "";
  Status failed;
  for (const PluginFile* way : ways) {
    auto used = use(*way, kind, component, *chosen_by);
    if (used) {
      if (!way->kept.empty()) note_stand_in(*way, why);
      return std::make_shared<RouteHandle>(
          (*used)->route, [this, id = way->info.id, use = *used] { close_component(id, use); });
    }
    if (way == &file) failed = used.error();
    if (why.empty()) why = used.error().with_advice();
  }
  return failed.error();
}

Result<std::shared_ptr<ComponentUse>> Registry::Impl::use(const PluginFile& file,
                                                          std::string_view kind,
                                                          const std::string& component,
                                                          const json::object& chosen_by) {
  const ManifestComponent* c = find_component(*file.manifest, component, kind);
  if (c == nullptr) return not_found(word_of(kind), component);
  const auto config = component_config(*file.manifest, *c, file.table.settings, chosen_by);
  if (!config) return config.error();
  ManagedPlugin& plugin = plugin_of(file.info.id);
  bool loaded = false;
  const bool served = plugin.serves();
  auto use = plugin.use(file, *c, chosen_by, loaded);
  if (use) return use;
  if (!loaded && file.kept.empty()) refuse(*find_file(files, file.info.id), use.error().message);
  if (!served) plugin.tell_failed("load", use.error().message);
  return use.error();
}

void Registry::Impl::close_component(const std::string& id,
                                     const std::shared_ptr<ComponentUse>& use) {
  const MutexLock lock(turn);
  if (ManagedPlugin* plugin = find_plugin(id)) plugin->stop_using(use);
}

namespace {

template <class Adapter, class Port>
Result<std::unique_ptr<Port>> adapt(Result<std::shared_ptr<RouteHandle>> route) {
  if (!route) return route.error();
  return std::unique_ptr<Port>(std::make_unique<Adapter>(std::move(*route)));
}

}  // namespace

Result<std::unique_ptr<ports::Queue>> Registry::queue(std::string_view name,
                                                      std::string_view table_json) {
  return adapt<QueueAdapter, ports::Queue>(
      impl_->open_component(SKEP_KIND_QUEUE, name, table_json));
}

Result<std::unique_ptr<ports::Store>> Registry::store(std::string_view name,
                                                      std::string_view table_json) {
  return adapt<StoreAdapter, ports::Store>(
      impl_->open_component(SKEP_KIND_STORE, name, table_json));
}

Result<std::unique_ptr<ports::Spool>> Registry::spool(std::string_view name,
                                                      std::string_view table_json) {
  return adapt<SpoolAdapter, ports::Spool>(
      impl_->open_component(SKEP_KIND_SPOOL, name, table_json));
}

Result<std::unique_ptr<ports::Heartbeat>> Registry::heartbeat(std::string_view name,
                                                              std::string_view table_json) {
  return adapt<HeartbeatAdapter, ports::Heartbeat>(
      impl_->open_component(SKEP_KIND_HEARTBEAT, name, table_json));
}

}  // namespace skep::plugin
