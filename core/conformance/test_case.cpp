#include "core/conformance/test_case.hpp"

#include <array>

#include "skep/kind/task.h"

namespace skep::conformance {
namespace {

constexpr const char* kAny = "";
constexpr const char* kTask = SKEP_KIND_TASK;
constexpr bool kFile = false;
constexpr bool kEach = true;

constexpr std::array<std::string_view, 6> kTiers{"static",  "lifecycle", "contract",
                                                 "hygiene", "reload",    "modes"};

std::vector<TestCase> before_kinds() {
  return {
      TestCase{"static.note", "carries one manifest that can be read without loading", kAny, kFile,
               static_note},
      TestCase{"static.manifest", "the manifest and its schemas are valid", kAny, kFile,
               static_manifest},
      TestCase{"static.compat", "fits this host", kAny, kFile, static_compat},
      TestCase{"static.exports", "exports the entry function alone", kAny, kFile,
               static_hazard_exports},
      TestCase{"static.unique-symbols", "has no process-wide unique symbols", kAny, kFile,
               static_hazard_unique_symbols},
      TestCase{"static.nodelete", "does not forbid unloading", kAny, kFile, static_hazard_nodelete},
      TestCase{"static.text-relocations", "its code is not changed while loading", kAny, kFile,
               static_hazard_text_relocations},
      TestCase{"static.writable-code", "no memory is writable and executable", kAny, kFile,
               static_hazard_writable_code},
      TestCase{"static.executable-stack", "needs no executable stack", kAny, kFile,
               static_hazard_executable_stack},
      TestCase{"static.run-path", "brings no search path for libraries", kAny, kFile,
               static_hazard_run_path},
      TestCase{"static.static-tls", "takes no static thread-local space", kAny, kFile,
               static_hazard_static_tls},
      TestCase{"static.needed", "needs no private shared library", kAny, kFile,
               static_hazard_needed},
      TestCase{"static.process-hooks", "what it registers with the process, which outlives it",
               kAny, kFile, static_hazard_process_hooks},
      TestCase{"static.loads", "loads with every symbol bound", kAny, kFile, static_loads},
      TestCase{"lifecycle.entry", "the entry function is pure and its table complete", kAny, kFile,
               lifecycle_entry},
      TestCase{"lifecycle.interfaces", "serves its kind, and null for what it does not know", kAny,
               kEach, lifecycle_interfaces},
      TestCase{"lifecycle.unknown-component", "refuses a component that it does not have", kAny,
               kEach, lifecycle_unknown_component},
      TestCase{"lifecycle.create-64", "64 instances exist at once", kAny, kEach,
               lifecycle_create_many},
      TestCase{"lifecycle.stop-without-start", "stop() is legal before start()", kAny, kEach,
               lifecycle_stop_without_start},
      TestCase{"lifecycle.stop-twice", "stop() is legal twice", kAny, kEach, lifecycle_stop_twice},
      TestCase{"lifecycle.destroy-in-each-state", "destroy() is legal in every state", kAny, kEach,
               lifecycle_destroy_in_each_state},
      TestCase{"lifecycle.without-services", "a host without services is refused, not crashed",
               kAny, kEach, lifecycle_without_services},
      TestCase{"lifecycle.config-rules", "each rule of the schema, broken once, crashes nothing",
               kAny, kEach, lifecycle_config_rules},
      TestCase{"contract.result", "a result is JSON, an error has a message", kTask, kEach,
               contract_result},
      TestCase{"contract.views", "views are not kept after the call", kTask, kEach, contract_views},
      TestCase{"contract.short-tables", "reads no table beyond its size", kTask, kEach,
               contract_short_tables},
      TestCase{"contract.long-tables", "takes tables that are longer than it knows", kTask, kEach,
               contract_long_tables},
      TestCase{"contract.cancelled-before", "ends when it was cancelled before it began", kTask,
               kEach, contract_cancelled_before},
      TestCase{"contract.cancel-latency", "ends within cancel_grace_ms of its cancellation", kTask,
               kEach, contract_cancel_latency},
      TestCase{"contract.deadline", "ends within cancel_grace_ms of its deadline", kTask, kEach,
               contract_deadline},
      TestCase{"contract.concurrency", "runs as many at once as it declares", kTask, kEach,
               contract_concurrency},
  };
}

std::vector<TestCase> after_kinds() {
  return {
      TestCase{"hygiene.process-state", "leaves the process as it was", kAny, kEach,
               hygiene_process_state},
      TestCase{"hygiene.threads", "its threads end with stop()", kAny, kEach, hygiene_threads},
      TestCase{"reload.generations", "many generations follow each other under load", kAny, kEach,
               reload_generations},
      TestCase{"modes.same-transcript", "says the same in a child process", kTask, kEach,
               modes_same_transcript},
  };
}

std::vector<TestCase> all_tests() {
  std::vector<TestCase> out = before_kinds();
  for (auto& more : {kind_tests(), after_kinds()}) out.insert(out.end(), more.begin(), more.end());
  return out;
}

void (*g_listener)(std::string_view) = nullptr;

}  // namespace

std::span<const TestCase> test_cases() {
  static const std::vector<TestCase> all = all_tests();
  return all;
}
std::span<const std::string_view> tiers() { return kTiers; }

const TestCase* find_test(std::string_view id) {
  for (const TestCase& t : test_cases())
    if (t.id == id) return &t;
  return nullptr;
}

void step(std::string_view what) {
  if (g_listener != nullptr) g_listener(what);
}
void on_step(void (*listener)(std::string_view what)) { g_listener = listener; }

}  // namespace skep::conformance
