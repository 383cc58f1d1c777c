#include "tests/conformance/spool_component.hpp"

#include "core/plugin/adapters/abi_error.hpp"
#include "core/plugin/adapters/spool.hpp"
#include "skep/json.hpp"

namespace skep::test {
namespace {

/// An instance of the component; stops and goes with the object.
class Component {
 public:
  explicit Component(const skep_plugin_v1* plugin) : plugin_(plugin) {}
  ~Component() {
    if (instance == nullptr) return;
    plugin_->stop(instance, nullptr, nullptr);
    plugin_->destroy(instance);
  }
  skep_inst* instance = nullptr;

 private:
  const skep_plugin_v1* plugin_;
};

}  // namespace

Result<std::unique_ptr<ports::Spool>> open_file_spool(const std::string& dir,
                                                      FileSpoolLimits limits) {
  const skep_plugin_v1* plugin = skep_plugin_entry_v1();
  const std::string config = Json::object({{"dir", dir},
                                           {"max_bytes", limits.max_bytes},
                                           {"max_items", limits.max_items},
                                           {"keep_free_bytes", limits.keep_free_bytes}})
                                 .dump();
  auto component = std::make_shared<Component>(plugin);
  plugin::ErrBuffer err;
  SKEP_TRY(err.status(plugin->create(plugin, "file", {config.data(), config.size()},
                                     &component->instance, err.out())));
  SKEP_TRY(err.status(plugin->start(component->instance, nullptr, err.out())));
  const auto* table =
      static_cast<const skep_spool_v1*>(plugin->iface(plugin, "file", SKEP_KIND_SPOOL));
  skep_inst* instance = component->instance;
  auto slot = plugin::fixed_route(table, instance, [component]() mutable { component.reset(); });
  return std::unique_ptr<ports::Spool>(std::make_unique<plugin::SpoolAdapter>(std::move(slot)));
}

ports::SpoolItem result_item(const std::string& task_id, const std::string& body) {
  return {{}, "execution_result", task_id, body};
}

}  // namespace skep::test
