// Which worker gets which release, and what becomes of canaries: pure functions.
#include "core/control/fleet/rollout.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace skep::control {
namespace {

using What = Judgement::What;

Release release(std::int64_t id, std::vector<std::string> sites = {},
                ReleaseState state = ReleaseState::kActive) {
  Release r;
  r.id = id;
  r.name = "probe";
  r.arch = "any";
  r.version = std::to_string(id) + ".0.0";
  r.sites = std::move(sites);
  r.state = state;
  r.canaries = {"w1"};
  return r;
}

std::int64_t runs(const std::vector<Release>& releases, const Seat& seat) {
  const auto out = desired(releases, seat);
  return out.empty() ? 0 : out.front()->id;
}

TEST(rollout, the_newest_release_in_force_for_a_worker_is_what_it_runs) {
  std::vector<Release> all{release(1), release(2, {"a"}), release(3, {}, ReleaseState::kRolledBack),
                           release(4, {}, ReleaseState::kCanary)};
  EXPECT_EQ(runs(all, {"w0", "a", "x86_64"}), 2);
  EXPECT_EQ(runs(all, {"w0", "b", "x86_64"}), 1);
  EXPECT_EQ(runs(all, {"w1", "b", "x86_64"}), 4);
  all[1].arch = "aarch64";
  EXPECT_EQ(runs(all, {"w0", "a", "x86_64"}), 1);
  EXPECT_EQ(runs(all, {"w0", "a", "aarch64"}), 2);
  for (Release& r : all) r.state = ReleaseState::kWithdrawn;
  EXPECT_EQ(runs(all, {"w1", "a", "x86_64"}), 0);
}

TEST(rollout, canaries_are_the_same_whatever_the_order_of_the_workers) {
  std::vector<std::string> workers;
  for (int i = 0; i < 50; ++i) workers.push_back("w" + std::to_string(i));
  const auto chosen = choose_canaries("probe", workers, 5);
  EXPECT_EQ(chosen.size(), 5u);
  std::reverse(workers.begin(), workers.end());
  EXPECT_EQ(choose_canaries("probe", workers, 5), chosen);
  EXPECT_NE(choose_canaries("other", workers, 5), chosen);
  EXPECT_EQ(choose_canaries("probe", {"only"}, 5), std::vector<std::string>{"only"});
}

TEST(rollout, a_canary_is_rolled_back_when_it_fails_clearly_more) {
  Release r = release(2, {}, ReleaseState::kCanary);
  const auto what = [&] { return judge(r, 1'000, "").what; };
  r.canary = {0, 4};
  EXPECT_EQ(what(), What::kWait) << "too few to tell";
  r.canary = {0, 5};
  EXPECT_EQ(what(), What::kRollBack);
  r.canary = {8, 2};
  EXPECT_EQ(what(), What::kWait) << "20 points above nothing is the limit, not beyond it";
  r.canary = {7, 3};
  EXPECT_EQ(what(), What::kRollBack);
  r.before = {80, 20};
  EXPECT_EQ(what(), What::kWait) << "it failed as often before";
  r.others = {10, 0};
  EXPECT_EQ(what(), What::kRollBack) << "the others meanwhile count more than what was before";
  r.others = {2, 2};
  EXPECT_EQ(what(), What::kWait) << "fewer than 5 of the others say nothing";
  EXPECT_EQ(judge(r, 1'000, "worker w1 could not use it").what, What::kRollBack);
}

TEST(rollout, a_canary_is_promoted_by_tasks_or_by_time_unless_held) {
  Release r = release(2, {}, ReleaseState::kCanary);
  r.canary = {20, 0};
  EXPECT_EQ(judge(r, 1'000, "").what, What::kPromote);
  r.hold = true;
  EXPECT_EQ(judge(r, 1'000, "").what, What::kWait);
  r.hold = false;
  r.canary = {};
  EXPECT_EQ(judge(r, 599'999, "").what, What::kWait);
  EXPECT_EQ(judge(r, 600'000, "").what, What::kPromote);
  EXPECT_EQ(judge(r, std::nullopt, "").what, What::kWait) << "not every canary has it";
  r.canary = {0, 2};
  EXPECT_EQ(judge(r, 600'000, "").what, What::kWait) << "it does worse, if only twice";
}

TEST(rollout, only_what_is_in_force_for_nobody_is_forgotten) {
  std::vector<Release> all;
  all.push_back(release(1, {"b"}));
  for (std::int64_t id = 2; id <= 13; ++id) all.push_back(release(id, {"a"}));
  EXPECT_EQ(forgettable(all), (std::vector<std::int64_t>{3, 2})) << "site b still runs 1";
  all.push_back(release(14));
  EXPECT_EQ(forgettable(all), (std::vector<std::int64_t>{4, 3, 2, 1}));
  all.back().state = ReleaseState::kCanary;
  EXPECT_EQ(forgettable(all), (std::vector<std::int64_t>{4, 3, 2}));
}

TEST(rollout, the_machine_is_read_from_the_file) {
  std::string elf(
      "\x7f"
      "ELF\x02\x01",
      6);
  elf.resize(20);
  elf[18] = 62;
  EXPECT_EQ(elf_arch(elf), "x86_64");
  elf[18] = static_cast<char>(183);
  EXPECT_EQ(elf_arch(elf), "aarch64");
  elf[18] = 3;
  EXPECT_FALSE(elf_arch(elf));
  EXPECT_FALSE(elf_arch(elf.substr(0, 19)));
  EXPECT_FALSE(elf_arch("#!/bin/sh and some more text"));
}

}  // namespace
}  // namespace skep::control
