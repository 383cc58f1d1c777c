// The conformance kit's tests as data. Each runs in a process of its own, because a plugin that
// fails one may take the process along.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/manifest.hpp"

namespace skep::conformance {

/// The plugin broke a rule: what it did, and what its author can do.
class Broken : public std::runtime_error {
 public:
  Broken(const std::string& what, std::string fix)
      : std::runtime_error(what), fix_(std::move(fix)) {}
  const std::string& fix() const { return fix_; }

 private:
  std::string fix_;
};

/// The test has nothing to say here, and why.
class Skipped : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What a test works on. The working folder is an empty one of the test's own.
struct Subject {
  std::string file;                                      ///< absolute
  plugin::Manifest manifest;                             ///< empty in tier static
  const plugin::ManifestComponent* component = nullptr;  ///< null in tier static
  std::string config;                                    ///< complete and valid
  std::string params;                                    ///< tasks: complete and valid
  std::uint64_t seed = 1;
  std::string remark;  ///< out: said of a test that passed
};

struct TestCase {
  std::string id;  ///< "lifecycle.stop-without-start"; what stands before the dot is the tier
  std::string rule;
  std::string kind;  ///< of components that it is for; "" = all
  bool per_component;
  std::function<void(Subject&)> run;
  bool is_of_kind_contract = false;  ///< one of kind_tests()

  std::string_view tier() const { return std::string_view(id).substr(0, id.find('.')); }
};

/// All tests, tier by tier in the order of tiers().
std::span<const TestCase> test_cases();
std::span<const std::string_view> tiers();
/// The tests of the kinds' contracts: one for each KindCase and those that need a plugin file.
std::vector<TestCase> kind_tests();
/// Null when there is none.
const TestCase* find_test(std::string_view id);

/// Says what comes next, so that a crash can be told from another.
void step(std::string_view what);
/// Who hears of steps; one a process.
void on_step(void (*listener)(std::string_view what));

// One function a rule, in the file named after its tier.
void static_note(Subject&);
void static_manifest(Subject&);
void static_compat(Subject&);
void static_hazard_exports(Subject&);
void static_hazard_unique_symbols(Subject&);
void static_hazard_nodelete(Subject&);
void static_hazard_text_relocations(Subject&);
void static_hazard_writable_code(Subject&);
void static_hazard_executable_stack(Subject&);
void static_hazard_run_path(Subject&);
void static_hazard_static_tls(Subject&);
void static_hazard_needed(Subject&);
void static_hazard_process_hooks(Subject&);
void static_loads(Subject&);
void lifecycle_entry(Subject&);
void lifecycle_interfaces(Subject&);
void lifecycle_unknown_component(Subject&);
void lifecycle_create_many(Subject&);
void lifecycle_stop_without_start(Subject&);
void lifecycle_stop_twice(Subject&);
void lifecycle_destroy_in_each_state(Subject&);
void lifecycle_without_services(Subject&);
void lifecycle_config_rules(Subject&);
void contract_result(Subject&);
void contract_views(Subject&);
void contract_short_tables(Subject&);
void contract_long_tables(Subject&);
void contract_cancelled_before(Subject&);
void contract_cancel_latency(Subject&);
void contract_deadline(Subject&);
void contract_concurrency(Subject&);
void durable_queue_killed(Subject&);
void durable_queue_synced(Subject&);
void durable_store_killed(Subject&);
void durable_store_synced(Subject&);
void durable_spool_killed(Subject&);
void durable_spool_synced(Subject&);
void hygiene_process_state(Subject&);
void hygiene_threads(Subject&);
void reload_generations(Subject&);
void modes_same_transcript(Subject&);

}  // namespace skep::conformance
