#include "core/plugin/generation_states.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "core/plugin/generation.hpp"
#include "core/plugin/generations.hpp"

namespace skep::plugin {
namespace {

using enum GenerationState;
using enum GenerationEvent;

constexpr GenerationState state(std::size_t i) { return static_cast<GenerationState>(i); }
constexpr GenerationEvent event(std::size_t i) { return static_cast<GenerationEvent>(i); }

std::set<GenerationState> reachable_from(std::set<GenerationState> from) {
  for (std::size_t before = 0; before != from.size();) {
    before = from.size();
    for (const GenerationTransition& t : generation_transitions())
      if (from.contains(t.from)) from.insert(t.to);
  }
  return from;
}

bool is_end(GenerationState s) {
  for (std::size_t e = 0; e < kGenerationEvents; ++e)
    if (next(s, event(e))) return false;
  return true;
}

TEST(GenerationStates, are_all_reached_from_the_first) {
  EXPECT_EQ(reachable_from({kStarting}).size(), kGenerationStates);
}

TEST(GenerationStates, end_in_four_ways_that_nothing_leaves) {
  std::set<GenerationState> ends;
  for (std::size_t i = 0; i < kGenerationStates; ++i)
    if (is_end(state(i))) ends.insert(state(i));
  EXPECT_EQ(ends, (std::set{kRetired, kRolledBack, kZombie, kFailed}));
  for (std::size_t i = 0; i < kGenerationStates; ++i)
    EXPECT_TRUE(is_end(state(i)) || reachable_from({state(i)}).contains(kRetired) ||
                reachable_from({state(i)}).contains(kRolledBack))
        << to_string(state(i));
}

TEST(GenerationStates, know_one_answer_to_an_event) {
  std::set<std::pair<GenerationState, GenerationEvent>> seen;
  std::set<GenerationEvent> used;
  for (const GenerationTransition& t : generation_transitions()) {
    EXPECT_TRUE(seen.insert({t.from, t.event}).second)
        << to_string(t.from) << " " << to_string(t.event);
    EXPECT_EQ(next(t.from, t.event), t.to);
    used.insert(t.event);
  }
  EXPECT_EQ(used.size(), kGenerationEvents);
}

TEST(GenerationStates, have_names_of_their_own_and_words_that_operators_know) {
  std::set<std::string_view> names;
  std::set<std::string_view> words;
  for (std::size_t i = 0; i < kGenerationStates; ++i) {
    names.insert(to_string(state(i)));
    words.insert(public_word(state(i)));
    EXPECT_FALSE(meaning(state(i)).empty());
  }
  EXPECT_EQ(names.size(), kGenerationStates);
  EXPECT_EQ(words, (std::set<std::string_view>{"starting", "active", "draining", "retired",
                                               "rolled_back", "zombie", "failed"}));
  std::set<std::string_view> events;
  for (std::size_t e = 0; e < kGenerationEvents; ++e) events.insert(to_string(event(e)));
  EXPECT_EQ(events.size(), kGenerationEvents);
}

TEST(GenerationStates, take_back_only_who_is_on_probation) {
  for (std::size_t i = 0; i < kGenerationStates; ++i)
    EXPECT_EQ(next(state(i), kCondemn).has_value(), state(i) == kProbation) << to_string(state(i));
}

TEST(GenerationStates, give_no_calls_to_who_was_refuted) {
  for (std::size_t i = 0; i < kGenerationStates; ++i) {
    if (!is_refuted(state(i))) continue;
    for (const GenerationState later : reachable_from({state(i)}))
      EXPECT_FALSE(serves(later)) << to_string(state(i));
  }
}

TEST(GenerationBooks, keep_to_the_table) {
  Generation g("p", GenerationInfo{});
  EXPECT_FALSE(g.apply(kCondemn)) << "it never served";
  EXPECT_EQ(g.state(), kStarting);
  EXPECT_TRUE(g.apply(kTry));
  EXPECT_GT(g.info().active_at, 0);
  EXPECT_TRUE(g.apply(kCondemn, "crashed in call 5"));
  EXPECT_EQ(g.info().reason, "crashed in call 5");
  EXPECT_EQ(g.info().drain_ms, -1);
  EXPECT_TRUE(g.apply(kEmpty));
  EXPECT_EQ(g.state(), kRolledBack);
  EXPECT_GE(g.info().drain_ms, 0);
  EXPECT_FALSE(g.apply(kServe)) << "it has ended";
  EXPECT_EQ(g.state(), kRolledBack);
}

TEST(Generations, the_newest_are_kept_with_their_numbers) {
  Generations generations("answer");
  for (std::size_t i = 1; i <= Generations::kKept + 2; ++i) {
    EXPECT_EQ(generations.make({})->number(), i);
    EXPECT_EQ(generations.infos().size(), std::min(i, Generations::kKept));
  }
  EXPECT_EQ(generations.infos().front().number, Generations::kKept + 2);
}

}  // namespace
}  // namespace skep::plugin
