// The components that a TOML table names: queue, store, spool, heartbeat.
#include <algorithm>

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
  CatalogEntry* entry = nullptr;
  const ManifestComponent* component = nullptr;
};

std::string word_of(std::string_view kind) {
  const Kind* known = find_kind(kind);
  return std::string(known == nullptr ? kind : known->word);
}

bool by_name(const Choice& c, std::string_view name) { return c.component->name == name; }
bool by_id(const Choice& c, std::string_view id) { return c.entry->info.id == id; }

/// Every component of the kind, of plugins that may be used and of those that may not.
std::vector<Choice> choices_of(std::vector<CatalogEntry>& entries, std::string_view kind) {
  std::vector<Choice> out;
  for (CatalogEntry& entry : entries) {
    if (!entry.manifest) continue;
    for (const ManifestComponent& c : entry.manifest->components)
      if (c.kind == kind) out.push_back({&entry, &c});
  }
  return out;
}

Error none_such(std::string_view kind, std::string_view name, const std::vector<Choice>& choices,
                const std::vector<std::string>& searched) {
  std::vector<std::string> names;
  std::string there;
  for (const Choice& c : choices) {
    if (!c.entry->usable()) continue;
    names.push_back(c.component->name);
    there += "\n  " + c.component->name + "  (plugin " + c.entry->info.id + " " +
             c.entry->info.version + ", " + c.entry->info.path + ")";
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

Error not_usable(std::string_view kind, std::string_view name, const CatalogEntry& entry) {
  const std::string what =
      word_of(kind) + " \"" + std::string(name) + "\" is in plugin " + entry.info.id;
  if (entry.info.state == "disabled")
    return config_error(what + ", which [plugins." + entry.info.id + "] enabled = false turns off");
  return config_error(what + ", which was refused: " + entry.info.reason);
}

Result<Choice> choose(std::string_view kind, std::string_view name, std::vector<Choice> all,
                      const std::vector<std::string>& searched) {
  for (auto matches : {by_name, by_id}) {
    std::vector<Choice> hits;
    for (const Choice& c : all)
      if (matches(c, name)) hits.push_back(c);
    const auto usable =
        std::find_if(hits.begin(), hits.end(), [](const Choice& c) { return c.entry->usable(); });
    if (usable == hits.end() && !hits.empty()) return not_usable(kind, name, *hits[0].entry);
    if (usable == hits.end()) continue;
    const bool by_plugin = matches == by_id;
    if (by_plugin && std::count_if(hits.begin(), hits.end(),
                                   [&](const Choice& c) { return c.entry == usable->entry; }) > 1)
      return config_error("plugin \"" + std::string(name) + "\" has several components of kind " +
                          word_of(kind) + "; name one of them")
          .with_next("skep plugin show " + std::string(name));
    return *usable;
  }
  return none_such(kind, name, all, searched);
}

}  // namespace

Result<std::shared_ptr<SlotRoute>> Registry::Impl::open_slot(std::string_view kind,
                                                             std::string_view name,
                                                             std::string_view table_json) {
  const std::lock_guard lock(work);
  const auto choice = choose(kind, name, choices_of(entries, kind), options.paths);
  if (!choice) return choice.error();
  auto slot = api::parse_object(table_json, "[" + word_of(kind) + "]");
  if (!slot) return slot.error();
  CatalogEntry& entry = *choice->entry;
  const ManifestComponent component = *choice->component;
  const auto config = component_config(*entry.manifest, component, entry.table.settings, *slot);
  if (!config) return config.error();
  Plugin& plugin = plugin_of(entry);
  auto fresh = load(entry, plugin, true);
  if (!fresh) {
    give_up_load(plugin, nullptr, fresh.error().message);
    const std::lock_guard told(mutex);
    refuse(entry, fresh.error().message);
    return fresh.error();
  }
  auto target = (*fresh ? **fresh : *plugin.current).start_slot(component, *slot);
  if (!target) {
    if (*fresh) give_up_load(plugin, std::move(*fresh), target.error().message);
    return target.error();
  }
  if (*fresh) make_current(plugin, std::move(*fresh));
  auto use = std::make_shared<SlotUse>(
      SlotUse{component.name, component.kind, std::move(*slot), nullptr, target->inst});
  use->route = std::make_shared<Route>(std::move(*target));
  plugin.slots.push_back(use);
  return std::make_shared<SlotRoute>(use->route,
                                     [this, id = plugin.id, use] { close_slot(id, use); });
}

void Registry::Impl::close_slot(const std::string& id, const std::shared_ptr<SlotUse>& use) {
  const std::lock_guard lock(work);
  Plugin& plugin = plugins.find(id)->second;
  std::erase(plugin.slots, use);
  if (plugin.current) plugin.current->stop_slot(use->inst);
}

namespace {

template <class Adapter, class Port>
Result<std::unique_ptr<Port>> adapt(Result<std::shared_ptr<SlotRoute>> route) {
  if (!route) return route.error();
  return std::unique_ptr<Port>(std::make_unique<Adapter>(std::move(*route)));
}

}  // namespace

Result<std::unique_ptr<ports::Queue>> Registry::queue(std::string_view name,
                                                      std::string_view table_json) {
  return adapt<QueueAdapter, ports::Queue>(impl_->open_slot(SKEP_KIND_QUEUE, name, table_json));
}

Result<std::unique_ptr<ports::Store>> Registry::store(std::string_view name,
                                                      std::string_view table_json) {
  return adapt<StoreAdapter, ports::Store>(impl_->open_slot(SKEP_KIND_STORE, name, table_json));
}

Result<std::unique_ptr<ports::Spool>> Registry::spool(std::string_view name,
                                                      std::string_view table_json) {
  return adapt<SpoolAdapter, ports::Spool>(impl_->open_slot(SKEP_KIND_SPOOL, name, table_json));
}

Result<std::unique_ptr<ports::Heartbeat>> Registry::heartbeat(std::string_view name,
                                                              std::string_view table_json) {
  return adapt<HeartbeatAdapter, ports::Heartbeat>(
      impl_->open_slot(SKEP_KIND_HEARTBEAT, name, table_json));
}

}  // namespace skep::plugin
