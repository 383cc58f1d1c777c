#include "tests/conformance/store_suite.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/sqlite_components.hpp"

namespace skep::test {
namespace {

Result<std::unique_ptr<ports::Store>> open_memory(const std::string&) {
  return std::unique_ptr<ports::Store>(new MemoryStore());
}

Result<std::unique_ptr<ports::Store>> open_sqlite(const std::string& dir) {
  return open_sqlite_store(sqlite_config(dir + "/store.db", "normal"));
}

}  // namespace

std::vector<StoreBackend> store_backends() {
  return {{"memory", false, open_memory}, {"sqlite", true, open_sqlite}};
}

}  // namespace skep::test
