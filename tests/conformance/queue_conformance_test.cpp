// The contract of skep/kind/queue.h on the reference and on the queue that we ship.
#include "core/conformance/memory_queue.hpp"
#include "tests/conformance/kind_cases.hpp"
#include "tests/support/sqlite_components.hpp"

namespace skep::test {
namespace {

using QueueSource = conformance::Source<ports::Queue>;

QueueSource memory() {
  QueueSource out;
  out.name = "memory";
  out.durable = false;
  out.open = [](const std::string&, const json::object&) {
    return Result<std::unique_ptr<ports::Queue>>(std::make_unique<conformance::MemoryQueue>());
  };
  return out;
}

QueueSource sqlite() {
  QueueSource out;
  out.name = "sqlite";
  out.open = [](const std::string& folder, const json::object&) {
    return open_sqlite_queue(sqlite_config(folder + "/queue.db", "normal"));
  };
  return out;
}

[[maybe_unused]] const bool registered =
    register_cases("QueueContract", conformance::queue_cases(), {memory(), sqlite()});

}  // namespace
}  // namespace skep::test
