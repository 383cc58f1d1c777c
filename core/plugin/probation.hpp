// Is a new generation worse than the one it replaced? Answered from the calls of both.
#pragma once

#include <optional>
#include <string>

#include "core/plugin/generation.hpp"

namespace skep::plugin {

/// A new generation is watched until it has ended as many calls and was active as long.
inline constexpr std::int64_t kProbationCalls = 20;
inline constexpr WallMs kProbationMs = 300'000;

inline bool probation_over(const CallTally& fresh, WallMs active_ms) {
  return fresh.calls >= kProbationCalls && active_ms >= kProbationMs;
}

/// Why the fresh generation must go, or nothing. A crash, or an exception across the boundary, is
/// enough when there was none before, and a fault otherwise; of three faults the share must be
/// clearly larger than before; of five calls that failed by their own word, most must have failed
/// where before most did not.
std::optional<std::string> verdict(const CallTally& fresh, const CallTally& before);

}  // namespace skep::plugin
