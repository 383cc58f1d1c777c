// The conformance kit: does a plugin file keep the rules of sdk/ABI.md?
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace skep::conformance {

struct CheckOptions {
  std::string file;
  std::vector<std::string> tiers{};  ///< empty = all
  std::string only{};                ///< one test id, or the beginning of some and "*"; "" = all
  std::string component{};           ///< "" = all
  std::string settings = "{}";       ///< merged into what the config schema demands
  std::string params = "{}";         ///< the same for tasks
  std::uint64_t seed = 1;
  Millis timeout{30'000};  ///< of one test
  bool in_process = false;
  /// What runs one test: argv before FILE, ID, COMPONENT. Its main calls run_child().
  std::vector<std::string> child{};
};

enum class TestStatus { kPassed, kBroken, kSkipped };

struct Finding {
  std::string id;
  std::string component;  ///< "" = the file as a whole
  std::string rule;
  TestStatus status = TestStatus::kBroken;
  std::string message{};  ///< what was wrong; why it was skipped; a remark, or ""
  std::string fix{};
  Millis took{0};
};

/// Hears of the number of tests first, then of each finding as it comes.
struct Listener {
  std::function<void(std::size_t tests)> plan;
  std::function<void(const Finding&)> finding;
};

/// Runs the tests one by one. kNotFound for a tier, test or component that does not exist, with the
/// nearest one; kInvalid for a file that cannot be read. What the plugin does wrong is in the
/// findings.
Result<std::vector<Finding>> check(const CheckOptions& options, const Listener& listener);

/// One test in this process, in its working folder. What it crashes with, it crashes with.
Finding run_here(const CheckOptions& options, const std::string& id, const std::string& component);
/// run_here() for a child of check(): the finding goes to stdout in the form that check() reads.
void run_child(const CheckOptions& options, const std::string& id, const std::string& component);

}  // namespace skep::conformance
