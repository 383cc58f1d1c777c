#include "tests/support/memory_store.hpp"

#include <stdexcept>

#include "tests/support/sqlite_components.hpp"

namespace skep::test {

MemoryStore::MemoryStore() {
  auto opened = open_sqlite_store(sqlite_config(":memory:"));
  if (!opened) throw std::runtime_error(opened.error().message);
  store_ = std::move(*opened);
}

}  // namespace skep::test
