// Tier contract, kinds queue, store, spool and heartbeat: their cases as tests of a plugin file.
#include <algorithm>

#include "core/conformance/plugin_source.hpp"
#include "core/plugin/adapters/queue.hpp"
#include "core/plugin/adapters/spool.hpp"
#include "core/plugin/adapters/store.hpp"
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
                   }});
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
  return out;
}

}  // namespace skep::conformance
