// Findings of a check of a plugin, made as `skep plugin check` makes them.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "core/conformance/check.hpp"

namespace skep::conformance {

inline std::vector<Finding> found(const CheckOptions& o) {
  auto findings = check(o, {[](std::size_t) {}, [](const Finding&) {}});
  EXPECT_TRUE(findings) << (findings ? "" : findings.error().message);
  return findings ? *findings : std::vector<Finding>{};
}

}  // namespace skep::conformance
