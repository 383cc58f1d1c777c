#include "tests/conformance/queue_suite.hpp"
#include "tests/support/memory_queue.hpp"
#include "tests/support/sqlite_components.hpp"

namespace skep::test {
namespace {

Result<std::unique_ptr<ports::Queue>> open_memory(const std::string&) {
  return std::unique_ptr<ports::Queue>(new MemoryQueue());
}

Result<std::unique_ptr<ports::Queue>> open_sqlite(const std::string& dir) {
  return open_sqlite_queue(sqlite_config(dir + "/queue.db", "normal"));
}

}  // namespace

std::vector<QueueBackend> queue_backends() {
  return {{"memory", false, open_memory}, {"sqlite", true, open_sqlite}};
}

}  // namespace skep::test
