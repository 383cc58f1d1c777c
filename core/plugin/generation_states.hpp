// The states of one loaded version of a plugin or script, as a table. Pure.
//
// The part of docs/plugin-reload.md between its two marks is generated from this table. What the
// JSON of the node, its metrics and the CLI say of a generation is public_word() of its state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace skep::plugin {

enum class GenerationState : std::uint8_t {
  kStarting,    ///< made; nobody has called it yet
  kProbation,   ///< serves; its calls are compared with those of the one before
  kActive,      ///< serves
  kStandby,     ///< replaced, and kept at hand while its successor is on probation
  kDraining,    ///< gets no new calls; those inside end
  kTakenBack,   ///< was worse than the one before; the calls inside end
  kRetired,     ///< ended
  kRolledBack,  ///< ended, after it was taken back
  kZombie,      ///< its calls did not end; left as it is
  kFailed,      ///< did not start
  kStopped,     ///< stopped for a successor, and neither of them starts: nothing serves
};
inline constexpr std::size_t kGenerationStates = 11;

enum class GenerationEvent : std::uint8_t {
  kServe,     ///< it gets the calls, and nothing is there to compare it with
  kTry,       ///< it gets the calls, on probation
  kFail,      ///< it does not start
  kStop,      ///< its successor does not start, nor it again
  kProve,     ///< its probation is over
  kCondemn,   ///< it is worse than the one before, which serves instead
  kSetAside,  ///< its successor gets the calls, on probation, and may give them back
  kRestore,   ///< its successor was taken back, or it starts again after all
  kReplace,   ///< its successor gets the calls for good, or nobody does
  kEmpty,     ///< nobody is inside
  kStuck,     ///< calls go on inside after they were cancelled
};
inline constexpr std::size_t kGenerationEvents = 11;

struct GenerationTransition {
  GenerationState from;
  GenerationEvent event;
  GenerationState to;
};

std::string_view to_string(GenerationState s);
/// What operators and their tools are shown: fewer words than there are states.
std::string_view public_word(GenerationState s);
/// One line for people.
std::string_view meaning(GenerationState s);
std::string_view to_string(GenerationEvent e);

std::span<const GenerationTransition> generation_transitions();
/// The state after `event`, or nothing when the table refuses it.
std::optional<GenerationState> next(GenerationState from, GenerationEvent event);

/// Calls go to it.
constexpr bool serves(GenerationState s) {
  return s == GenerationState::kProbation || s == GenerationState::kActive;
}
/// It gets no calls, and some may be inside.
constexpr bool drains(GenerationState s) {
  return s == GenerationState::kStandby || s == GenerationState::kDraining ||
         s == GenerationState::kTakenBack;
}
/// These bytes were tried and are not what serves: they did not start, or were taken back.
constexpr bool is_refuted(GenerationState s) {
  return s == GenerationState::kFailed || s == GenerationState::kTakenBack ||
         s == GenerationState::kRolledBack;
}

}  // namespace skep::plugin
