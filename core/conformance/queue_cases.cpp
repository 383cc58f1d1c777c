#include "core/conformance/queue_cases.hpp"

namespace skep::conformance {

std::vector<KindCase<ports::Queue>> queue_cases() {
  std::vector<KindCase<ports::Queue>> out;
  for (const auto& cases : {queue_rules_cases(), queue_wake_cases(), queue_transition_cases(),
                            queue_placement_cases(), queue_results_cases(), queue_pages_cases(),
                            queue_concurrency_cases(), queue_random_cases()})
    out.insert(out.end(), cases.begin(), cases.end());
  return out;
}

}  // namespace skep::conformance
