// The parts of queue_cases(), each in the file named after it.
#pragma once

#include "core/conformance/kind_case.hpp"

namespace skep::conformance {

Cases<ports::Queue> queue_concurrency_cases();
Cases<ports::Queue> queue_pages_cases();
Cases<ports::Queue> queue_placement_cases();
Cases<ports::Queue> queue_random_cases();
Cases<ports::Queue> queue_results_cases();
Cases<ports::Queue> queue_rules_cases();
Cases<ports::Queue> queue_transition_cases();
Cases<ports::Queue> queue_wake_cases();

}  // namespace skep::conformance
