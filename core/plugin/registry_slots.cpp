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

template <class Adapter, class Table, class Port>
std::unique_ptr<Port> adapt(std::shared_ptr<Instance> instance) {
  const auto* table = static_cast<const Table*>(instance->iface());
  skep_inst* handle = instance->handle();
  return std::make_unique<Adapter>(table, handle, std::move(instance));
}

}  // namespace

Result<std::shared_ptr<Instance>> Registry::Impl::open_slot(std::string_view kind,
                                                            std::string_view name,
                                                            std::string_view table_json) {
  const std::lock_guard lock(mutex);
  const auto choice = choose(kind, name, choices_of(entries, kind), options.paths);
  if (!choice) return choice.error();
  const auto slot = api::parse_object(table_json, "[" + word_of(kind) + "]");
  if (!slot) return slot.error();
  CatalogEntry& entry = *choice->entry;
  const auto config =
      component_config(*entry.manifest, *choice->component, entry.table.settings, *slot);
  if (!config) return config.error();
  auto plugin = load(entry);
  if (!plugin) return plugin.error();
  return Instance::start(std::move(*plugin), choice->component->name, kind, *config);
}

Result<std::unique_ptr<ports::Queue>> Registry::queue(std::string_view name,
                                                      std::string_view table_json) {
  auto instance = impl_->open_slot(SKEP_KIND_QUEUE, name, table_json);
  if (!instance) return instance.error();
  return adapt<QueueAdapter, skep_queue_v1, ports::Queue>(std::move(*instance));
}

Result<std::unique_ptr<ports::Store>> Registry::store(std::string_view name,
                                                      std::string_view table_json) {
  auto instance = impl_->open_slot(SKEP_KIND_STORE, name, table_json);
  if (!instance) return instance.error();
  return adapt<StoreAdapter, skep_store_v1, ports::Store>(std::move(*instance));
}

Result<std::unique_ptr<ports::Spool>> Registry::spool(std::string_view name,
                                                      std::string_view table_json) {
  auto instance = impl_->open_slot(SKEP_KIND_SPOOL, name, table_json);
  if (!instance) return instance.error();
  return adapt<SpoolAdapter, skep_spool_v1, ports::Spool>(std::move(*instance));
}

Result<std::unique_ptr<ports::Heartbeat>> Registry::heartbeat(std::string_view name,
                                                              std::string_view table_json) {
  auto instance = impl_->open_slot(SKEP_KIND_HEARTBEAT, name, table_json);
  if (!instance) return instance.error();
  return adapt<HeartbeatAdapter, skep_heartbeat_v1, ports::Heartbeat>(std::move(*instance));
}

}  // namespace skep::plugin
