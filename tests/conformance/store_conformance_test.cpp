// The contract of skep/kind/store.h on the fake and on the store that we ship.
#include "tests/conformance/kind_cases.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/sqlite_components.hpp"

namespace skep::test {
namespace {

using StoreSource = conformance::Source<ports::Store>;

StoreSource memory() {
  StoreSource out;
  out.name = "memory";
  out.durable = false;
  out.open = [](const std::string&, const json::object&) {
    return Result<std::unique_ptr<ports::Store>>(std::make_unique<MemoryStore>());
  };
  return out;
}

StoreSource sqlite() {
  StoreSource out;
  out.name = "sqlite";
  out.open = [](const std::string& folder, const json::object&) {
    return open_sqlite_store(sqlite_config(folder + "/store.db", "normal"));
  };
  return out;
}

[[maybe_unused]] const bool registered =
    register_cases("StoreContract", conformance::store_cases(), {memory(), sqlite()});

}  // namespace
}  // namespace skep::test
