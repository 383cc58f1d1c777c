// Is a new generation worse than the one it replaced? Answered from the calls of both, for plugins
// and scripts alike. Pure.
#pragma once

#include <optional>
#include <string>

#include "core/plugin/generation.hpp"

namespace skep::plugin {

/// How long a new generation is watched, and what makes it worse.
struct ProbationRules {
  std::int64_t calls = 0;  ///< it is over after so many calls ..
  Millis time{0};          ///< .. and this time
  /// Why the fresh generation must go, or nothing.
  std::optional<std::string> (*why_worse)(const CallTally& fresh, const CallTally& before);
};

/// A crash, or an exception across the boundary, is enough when there was none before, and a fault
/// otherwise; of three faults the share must be clearly larger than before; of five calls that
/// failed by their own word, most must have failed where before most did not.
extern const ProbationRules kPluginProbation;
/// Three faults, when they are more than half its runs, and were not before.
extern const ProbationRules kScriptProbation;

/// Whether a generation is one to come back to: it has not crashed, and most of its calls were not
/// faults of it. Without calls nothing speaks against it.
bool serves_well(const CallTally& tally);

struct Probation {
  const ProbationRules* rules;
  CallTally before;  ///< of the generation that was replaced
  MonoMs since = 0;

  struct Answer {
    bool proved = false;
    std::optional<std::string> worse{};  ///< why it must go
  };
  Answer judge(const CallTally& fresh, MonoMs now) const;
};

}  // namespace skep::plugin
