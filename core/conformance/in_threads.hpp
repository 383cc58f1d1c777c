// Several callers at once, in a case.
#pragma once

#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "core/conformance/expect.hpp"
#include "core/conformance/shared_break.hpp"

namespace skep::conformance {

/// Runs body(0) .. body(n - 1), each on a thread of its own, until all have ended. Throws the first
/// Broken of theirs.
template <class Body>
void in_threads(int n, Body body) {
  SharedBreak broken;
  const auto guarded = [&](int i) {
    try {
      body(i);
    } catch (const Broken& b) {
      broken.take(b);
    } catch (const std::exception& e) {
      broken.take(Broken(e.what(), kKindRules));
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < n; ++i) threads.emplace_back(guarded, i);
  }
  broken.throw_if_any();
}

}  // namespace skep::conformance
