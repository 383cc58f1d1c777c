#include "core/plugin/kinds.hpp"

#include <array>
#include <cstring>
#include <string>

#include "skep/kind/heartbeat.h"
#include "skep/kind/queue.h"
#include "skep/kind/script_host.h"
#include "skep/kind/spool.h"
#include "skep/kind/store.h"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

using Names = std::string_view;
constexpr std::array<Names, 8> kPlugin{"open",  "close", "create",  "start",
                                       "drain", "stop",  "destroy", "iface"};
constexpr std::array<Names, 1> kTask{"run"};
constexpr std::array<Names, 4> kScriptHost{"endings", "load", "drop", "run"};
constexpr std::array<Names, 1> kHeartbeat{"beat"};
constexpr std::array<Names, 3> kStore{"batch", "query", "migrate"};
constexpr std::array<Names, 9> kSpool{"reserve", "unreserve", "put",   "ack",   "defer",
                                      "reject",  "next",      "stats", "verify"};
constexpr std::array<Names, 16> kQueue{
    "enqueue", "claim",   "renew", "complete", "release",     "tick",  "overdue", "lose",
    "cancel",  "requeue", "read",  "attempts", "completions", "stats", "wait",    "purge"};

constexpr std::size_t table_size(std::size_t functions) { return 8 + functions * sizeof(void*); }
static_assert(SKEP_SIZE_1_0_PLUGIN_V1 == table_size(kPlugin.size() + 1));  // with the user's data
// Those of 1.0: what came later may be absent.
static_assert(SKEP_SIZE_1_0_TASK_V1 == table_size(kTask.size()));
static_assert(SKEP_SIZE_1_0_SCRIPT_HOST_V1 == table_size(kScriptHost.size()));
static_assert(SKEP_SIZE_1_0_HEARTBEAT_V1 == table_size(kHeartbeat.size()));
static_assert(SKEP_SIZE_1_0_STORE_V1 == table_size(kStore.size()));
static_assert(SKEP_SIZE_1_0_SPOOL_V1 == table_size(kSpool.size()));
static_assert(SKEP_SIZE_1_0_QUEUE_V1 == table_size(kQueue.size()));

constexpr std::array<Kind, 6> kKinds{Kind{SKEP_KIND_HEARTBEAT, "heartbeat", kHeartbeat},
                                     Kind{SKEP_KIND_QUEUE, "queue", kQueue},
                                     Kind{SKEP_KIND_SCRIPT_HOST, "script_host", kScriptHost},
                                     Kind{SKEP_KIND_SPOOL, "spool", kSpool},
                                     Kind{SKEP_KIND_STORE, "store", kStore},
                                     Kind{SKEP_KIND_TASK, "task", kTask}};

Status check_sized(const void* table, std::string_view what,
                   std::span<const std::string_view> functions, std::size_t size_1_0) {
  if (table == nullptr) return invalid(std::string(what) + " is null");
  std::uint32_t size = 0;
  std::memcpy(&size, table, sizeof(size));
  if (size < size_1_0)
    return invalid(std::string(what) + " has " + std::to_string(size) + " bytes; at least " +
                   std::to_string(size_1_0) + " are needed");
  for (std::size_t i = 0; i < functions.size(); ++i) {
    void* function = nullptr;
    std::memcpy(&function, static_cast<const char*>(table) + table_size(i), sizeof(function));
    if (function == nullptr)
      return invalid(std::string(what) + ": " + std::string(functions[i]) + "() is null");
  }
  return Status();
}

}  // namespace

std::span<const Kind> kinds() { return kKinds; }

const Kind* find_kind(std::string_view id) {
  for (const Kind& k : kKinds)
    if (k.id == id) return &k;
  return nullptr;
}

Status check_plugin(const skep_plugin_v1* table) {
  return check_sized(table, "the table of " SKEP_PLUGIN_ENTRY_SYMBOL "()", kPlugin,
                     SKEP_SIZE_1_0_PLUGIN_V1);
}

Status check_table(const void* table, std::string_view what,
                   std::span<const std::string_view> functions) {
  return check_sized(table, what, functions, table_size(functions.size()));
}

}  // namespace skep::plugin
