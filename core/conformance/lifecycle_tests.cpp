// Tier lifecycle: every legal order of calls, and settings that break their schema.
#include <vector>

#include "core/conformance/plugin_under_test.hpp"
#include "core/conformance/samples.hpp"
#include "core/plugin/kinds.hpp"

namespace skep::conformance {
namespace {

using State = Instance::State;

constexpr int kInstances = 64;

skep_view config_of(const Subject& s) { return {s.config.data(), s.config.size()}; }

skep_inst* created(Loaded& plugin, const Subject& s) {
  skep_inst* inst = nullptr;
  must(plugin.create(s.component->name, config_of(s), &inst), "create()");
  return inst;
}

}  // namespace

void lifecycle_entry(Subject& s) {
  Loaded plugin(s);
  const auto checked = plugin::check_plugin(&plugin.table());
  if (!checked) throw Broken(checked.error().message, "set every function of the table");
  must(plugin.open(), "open()");
  plugin.close();
  must(plugin.open(), "open() after close()");
}

void lifecycle_interfaces(Subject& s) {
  Instance instance(s, State::kCreated);
  Loaded& plugin = instance.plugin();
  const std::string& name = s.component->name;
  const std::string& kind = s.component->kind;
  if (plugin.iface(name, kind) == nullptr)
    throw Broken("iface() gives no " + kind, "return the table of the kind in the manifest");
  if (plugin.iface(name, kind) != plugin.iface(name, kind))
    throw Broken("iface() gives another table each time", "return static data");
  for (const std::string& id : {kind + "x", kind + "/2", std::string("com.example.unknown/1"),
                                kind.substr(0, kind.size() - 1), std::string()})
    if (plugin.iface(name, id) != nullptr)
      throw Broken("iface() answers the unknown interface \"" + id + "\"",
                   "compare the whole id, and return null for all others");
}

void lifecycle_unknown_component(Subject& s) {
  Loaded plugin(s);
  must(plugin.open(), "open()");
  skep_inst* inst = nullptr;
  if (!plugin.create("skep-kit-unknown", config_of(s), &inst).ok()) return;
  plugin.destroy(inst);
  if (s.manifest.components.size() > 1)
    throw Broken("create() makes a component that the manifest does not have",
                 "refuse unknown names with SKEP_E_NOT_FOUND");
  s.remark = "takes any name, as a plugin of one component may";
}

void lifecycle_create_many(Subject& s) {
  Loaded plugin(s);
  must(plugin.open(), "open()");
  std::vector<skep_inst*> all;
  for (int i = 0; i < kInstances; ++i) all.push_back(created(plugin, s));
  for (std::size_t i = s.seed % 2; i < all.size(); i += 2) plugin.destroy(all[i]);
  for (std::size_t i = 1 - s.seed % 2; i < all.size(); i += 2) plugin.destroy(all[i]);
}

void lifecycle_stop_without_start(Subject& s) {
  Instance instance(s, State::kCreated);
  must(instance.plugin().stop(instance.handle()), "stop() without start()");
}

void lifecycle_stop_twice(Subject& s) {
  Instance instance(s, State::kStarted);
  must(instance.plugin().stop(instance.handle()), "stop()");
  must(instance.plugin().stop(instance.handle()), "the second stop()");
}

void lifecycle_destroy_in_each_state(Subject& s) {
  Loaded plugin(s);
  must(plugin.open(), "open()");
  plugin.destroy(created(plugin, s));
  skep_inst* started = created(plugin, s);
  must(plugin.start(started), "start()");
  plugin.destroy(started);
  skep_inst* drained = created(plugin, s);
  must(plugin.start(drained), "start() after another instance was destroyed while it ran");
  must(plugin.drain(drained), "drain()");
  plugin.destroy(drained);
  skep_inst* stopped = created(plugin, s);
  must(plugin.start(stopped), "start()");
  must(plugin.stop(stopped), "stop()");
  plugin.destroy(stopped);
}

void lifecycle_without_services(Subject& s) {
  Loaded plugin(s);
  skep_fake_hide_service(plugin.host(), nullptr);
  if (!plugin.open().ok()) return;
  skep_inst* inst = nullptr;
  if (!plugin.create(s.component->name, config_of(s), &inst).ok()) return;
  if (plugin.start(inst).ok()) must(plugin.stop(inst), "stop()");
  plugin.destroy(inst);
}

void lifecycle_config_rules(Subject& s) {
  if (!s.component->config_schema) throw Skipped("the component takes no settings");
  Loaded plugin(s);
  must(plugin.open(), "open()");
  int tried = 0;
  for (const Violation& v : violations(*s.component->config_schema, s.config)) {
    auto document = parse_json(v.document);
    if (document && s.component->config_schema->apply(*document).empty())
      throw Broken("the schema takes " + v.document, "report this as a defect of skep");
    // The host never lets such a document through; a plugin that meets one all the same, from
    // another host, may refuse it or take it, but not crash or fail without a message.
    skep_inst* inst = nullptr;
    const Answer answer = plugin.create(s.component->name, {v.document.data(), v.document.size()},
                                        &inst, "create() with " + v.rule);
    if (answer.ok()) plugin.destroy(inst);
    ++tried;
  }
  s.remark = std::to_string(tried) + " rules broken";
}

}  // namespace skep::conformance
