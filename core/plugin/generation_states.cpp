#include "core/plugin/generation_states.hpp"

#include <array>

namespace skep::plugin {
namespace {

using enum GenerationState;
using enum GenerationEvent;

constexpr std::array kTransitions{
    GenerationTransition{kStarting, kServe, kActive},
    GenerationTransition{kStarting, kTry, kProbation},
    GenerationTransition{kStarting, kFail, kFailed},

    GenerationTransition{kProbation, kProve, kActive},
    GenerationTransition{kProbation, kCondemn, kTakenBack},
    GenerationTransition{kProbation, kSetAside, kStandby},
    GenerationTransition{kProbation, kReplace, kDraining},
    GenerationTransition{kProbation, kFail, kFailed},
    GenerationTransition{kProbation, kStop, kStopped},

    GenerationTransition{kActive, kSetAside, kStandby},
    GenerationTransition{kActive, kReplace, kDraining},
    GenerationTransition{kActive, kFail, kFailed},
    GenerationTransition{kActive, kStop, kStopped},

    GenerationTransition{kStandby, kRestore, kActive},
    GenerationTransition{kStandby, kReplace, kDraining},

    GenerationTransition{kDraining, kEmpty, kRetired},
    GenerationTransition{kDraining, kStuck, kZombie},
    GenerationTransition{kTakenBack, kEmpty, kRolledBack},
    GenerationTransition{kTakenBack, kStuck, kZombie},

    GenerationTransition{kStopped, kRestore, kActive},
    GenerationTransition{kStopped, kReplace, kRetired},
};

struct StateWords {
  std::string_view name;
  std::string_view shown;
  std::string_view meaning;
};

constexpr std::array<StateWords, kGenerationStates> kStateWords{{
    {"starting", "starting", "made; nobody has called it yet"},
    {"probation", "active", "serves; its calls are compared with those of the one before"},
    {"active", "active", "serves"},
    {"standby", "draining", "replaced, and at hand while its successor is on probation (scripts)"},
    {"draining", "draining", "gets no new calls; those inside end"},
    {"taken_back", "rolled_back", "was worse than the one before; the calls inside end"},
    {"retired", "retired", "ended"},
    {"rolled_back", "rolled_back", "ended, after it was taken back"},
    {"zombie", "zombie", "its calls did not end; left as it is"},
    {"failed", "failed", "did not start"},
    {"stopped", "failed", "stopped for a successor, and neither of them starts: nothing serves"},
}};

constexpr std::array<std::string_view, kGenerationEvents> kEventWords{
    "serve",     "try",     "fail",    "stop",  "prove", "condemn",
    "set_aside", "restore", "replace", "empty", "stuck"};

const StateWords& words(GenerationState s) { return kStateWords.at(static_cast<std::size_t>(s)); }

}  // namespace

std::string_view to_string(GenerationState s) { return words(s).name; }
std::string_view public_word(GenerationState s) { return words(s).shown; }
std::string_view meaning(GenerationState s) { return words(s).meaning; }

std::string_view to_string(GenerationEvent e) {
  return kEventWords.at(static_cast<std::size_t>(e));
}

std::span<const GenerationTransition> generation_transitions() { return kTransitions; }

std::optional<GenerationState> next(GenerationState from, GenerationEvent event) {
  for (const GenerationTransition& t : kTransitions)
    if (t.from == from && t.event == event) return t.to;
  return std::nullopt;
}

}  // namespace skep::plugin
