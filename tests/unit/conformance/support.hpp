// The kit on the plugins that were built for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/conformance/check.hpp"

namespace skep::conformance {

/// `file` below lib/skep/test-plugins.
inline CheckOptions options_for(const std::string& file, std::string settings = "{}") {
  CheckOptions o;
  o.file = std::string(SKEP_BUILD_DIR) + "/lib/skep/test-plugins/" + file;
  o.timeout = Millis{600'000};
  o.settings = std::move(settings);
  o.child = {std::string(SKEP_BUILD_DIR) + "/bin/skep", "__plugin-test", "--settings", o.settings};
  return o;
}

inline std::vector<Finding> found(const CheckOptions& o) {
  auto findings = check(o, {[](std::size_t) {}, [](const Finding&) {}});
  EXPECT_TRUE(findings) << (findings ? "" : findings.error().message);
  return findings ? *findings : std::vector<Finding>{};
}

}  // namespace skep::conformance
