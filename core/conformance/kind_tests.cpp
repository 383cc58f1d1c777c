// Tier contract, kinds queue, store, spool and heartbeat: their cases as tests of a plugin file.
#include <algorithm>

#include "core/conformance/plugin_source.hpp"
#include "core/plugin/adapters/heartbeat.hpp"
#include "core/plugin/adapters/queue.hpp"
#include "core/plugin/adapters/spool.hpp"
#include "core/plugin/adapters/store.hpp"
#include "skep/kind/heartbeat.h"
#include "skep/kind/queue.h"
#include "skep/kind/spool.h"
#include "skep/kind/store.h"

namespace skep::conformance {
namespace {

std::string replaced(std::string_view name, char with) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '_', with);
  return out;
}

template <class Port, class Adapter>
void add(std::vector<TestCase>& out, const std::vector<KindCase<Port>>& cases,
         std::string_view word, const char* kind) {
  for (const KindCase<Port>& one : cases)
    out.push_back({case_id(word, one.name), replaced(one.name, ' '), kind, true,
                   [run = one.run](Subject& subject) {
                     run(plugin_source<Port, Adapter>(subject),
                         std::filesystem::current_path().string());
                   },
                   true});
}

}  // namespace

std::string case_id(std::string_view kind, std::string_view name) {
  return "contract." + std::string(kind) + "-" + replaced(name, '-');
}

std::vector<TestCase> kind_tests() {
  std::vector<TestCase> out;
  add<ports::Queue, plugin::QueueAdapter>(out, queue_cases(), "queue", SKEP_KIND_QUEUE);
  add<ports::Store, plugin::StoreAdapter>(out, store_cases(), "store", SKEP_KIND_STORE);
  add<ports::Spool, plugin::SpoolAdapter>(out, spool_cases(), "spool", SKEP_KIND_SPOOL);
  add<ports::Heartbeat, plugin::HeartbeatAdapter>(out, heartbeat_cases(), "heartbeat",
                                                  SKEP_KIND_HEARTBEAT);
  const auto durable = [&out](const char* id, const char* rule, const char* kind,
                              void (*run)(Subject&)) {
    out.push_back({id, rule, kind, true, run, true});
  };
  constexpr const char* kKilled = "what it said is there after its process was killed";
  constexpr const char* kSynced = "says nothing that it could not bring to the disk";
  durable("contract.queue-killed", kKilled, SKEP_KIND_QUEUE, durable_queue_killed);
  durable("contract.queue-synced", kSynced, SKEP_KIND_QUEUE, durable_queue_synced);
  durable("contract.store-killed", kKilled, SKEP_KIND_STORE, durable_store_killed);
  durable("contract.store-synced", kSynced, SKEP_KIND_STORE, durable_store_synced);
  durable("contract.spool-killed", kKilled, SKEP_KIND_SPOOL, durable_spool_killed);
  durable("contract.spool-synced", kSynced, SKEP_KIND_SPOOL, durable_spool_synced);
  return out;
}

}  // namespace skep::conformance
