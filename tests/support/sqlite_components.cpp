#include "tests/support/sqlite_components.hpp"

#include "core/plugin/adapters/abi_error.hpp"
#include "core/plugin/adapters/queue.hpp"
#include "core/plugin/adapters/store.hpp"
#include "plugins/sqlite/queue.hpp"
#include "plugins/sqlite/store.hpp"
#include "skep/json.hpp"

namespace skep::test {
namespace {

template <class Port, class Adapter, class Component>
Result<std::unique_ptr<Port>> open(const std::string& config_json) {
  plugin::ErrBuffer err;
  std::shared_ptr<Component> component;
  const skep_rc rc = guarded(err.out(), [&] {
    component = std::make_shared<Component>(config_json);
    Call no_limit;
    component->start(no_limit);
  });
  SKEP_TRY(err.status(rc));
  // As the host does: stop, then destroy.
  auto slot = plugin::fixed_route(Component::template table<Component>(), to_inst(component.get()),
                                  [component] {
                                    Call no_limit;
                                    component->stop(no_limit);
                                  });
  return std::unique_ptr<Port>(new Adapter(std::move(slot)));
}

}  // namespace

Result<std::unique_ptr<ports::Queue>> open_sqlite_queue(const std::string& config_json) {
  return open<ports::Queue, plugin::QueueAdapter, sqlite::SqliteQueue>(config_json);
}

Result<std::unique_ptr<ports::Store>> open_sqlite_store(const std::string& config_json) {
  return open<ports::Store, plugin::StoreAdapter, sqlite::SqliteStore>(config_json);
}

std::string sqlite_config(const std::string& path, const std::string& synchronous) {
  return Json::object({{"path", path}, {"synchronous", synchronous}}).dump();
}

}  // namespace skep::test
