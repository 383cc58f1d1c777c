// Pages and counts: filters, directions, bounds.
#include <algorithm>
#include <tuple>

#include "core/conformance/queue_bench.hpp"
#include "core/conformance/queue_cases.hpp"

namespace skep::conformance {
namespace {

using enum model::TaskState;

SKEP_KIT_CASE(QueueBench, bounds_claims_pages_and_completions_by_bytes) {
  std::vector<model::Task> tasks;
  for (int i = 0; i < 5; ++i) {
    tasks.push_back(new_task("t" + std::to_string(i)));
    tasks.back().spec.params = R"({"text":")" + std::string(1'000, 'x') + "\"}";
  }
  enqueue(tasks);
  ports::TaskQuery query;
  query.newest_first = false;
  query.max_bytes = 2'500;
  KIT_EQ(ids(must(q().read(query))), (std::vector<std::string>{"t0", "t1", "t2"}));
  query.max_bytes = 2 * tasks[0].spec.params.size();
  KIT_EQ(must(q().read(query)).size(), 2u) << "no further one once they weigh as much";
  query.max_bytes = 1;
  KIT_EQ(must(q().read(query)).size(), 1u) << "one at least";
  ports::ClaimFilter filter{worker(), 10, kLease};
  filter.max_bytes = 2'500;
  const auto first = must(q().claim(now, filter));
  KIT_EQ(ids(first), (std::vector<std::string>{"t0", "t1", "t2"}));
  filter.max_bytes = 1;
  KIT_EQ(ids(must(q().claim(now, filter))), (std::vector<std::string>{"t3"}));
  KIT_EQ(state_of("t4"), kQueued);
  for (const auto& t : first) complete(success(t));
  KIT_EQ(must(q().completions(0, 10, 1)).size(), 1u);
  KIT_EQ(must(q().completions(0, 10, 1'500)).size(), 2u);
  KIT_EQ(must(q().completions(0, 10)).size(), 3u);
}

SKEP_KIT_CASE(QueueBench, pages_what_has_ended_by_type_and_by_site) {
  std::vector<model::Task> tasks;
  for (int i = 0; i < 12; ++i) {
    tasks.push_back(new_task("t" + std::to_string(i)));
    tasks.back().spec.site = i % 2 == 0 ? "site-a" : "";
  }
  enqueue(tasks);
  for (int i = 0; i < 8; ++i) complete(success(claim_one()));
  ports::TaskQuery query;
  query.site = "site-a";
  query.limit = 3;
  KIT_EQ(ids(must(q().read(query))), (std::vector<std::string>{"t10", "t8", "t6"}));
  query.after_seq = get("t6").seq;
  KIT_EQ(ids(must(q().read(query))), (std::vector<std::string>{"t4", "t2", "t0"}));
  query = {};
  query.type = "t";
  query.states = {kSucceeded};
  query.newest_first = false;
  query.limit = 2;
  query.after_seq = get("t1").seq;
  KIT_EQ(ids(must(q().read(query))), (std::vector<std::string>{"t2", "t3"}));
}

SKEP_KIT_CASE(QueueBench, pages_what_a_worker_holds_has_held_and_is_meant_to_run) {  // N12
  std::vector<model::Task> tasks;
  for (int i = 0; i < 24; ++i) {
    tasks.push_back(new_task("t" + std::to_string(i), i % 2 == 0 ? "t" : "u"));
    tasks.back().spec.site = i % 3 == 0 ? "site-a" : "";
    if (i % 4 == 0) tasks.back().spec.target_worker = i % 8 == 0 ? "w1" : "w9";
  }
  enqueue(tasks);
  for (int i = 0; i < 5; ++i) complete(success(claim_one()));
  complete(failure(claim_one()));
  complete(failure(claim_one(), 60'000));
  release(claim_one());
  claim(2);
  ports::TaskQuery all;
  all.limit = 100;
  const auto known = must(q().read(all));
  const std::vector<std::vector<model::TaskState>> choices{
      {}, {kSucceeded}, {kFailed}, {kClaimed, kExecuting}, {kQueued, model::TaskState::kWaiting}};
  for (const auto& states : choices)
    for (const char* type : {"", "t", "u"})
      for (const char* site : {"", "site-a"}) {
        ports::TaskQuery query;
        query.worker_id = "w1";
        query.states = states;
        query.type = type;
        query.site = site;
        query.limit = 2;
        std::vector<std::string> expected;
        for (const model::Task& t : known)
          if ((t.worker_id == "w1" || t.spec.target_worker == "w1") &&
              (states.empty() ||
               std::find(states.begin(), states.end(), t.state) != states.end()) &&
              (query.type.empty() || t.spec.type == type) &&
              (query.site.empty() || t.spec.site == site))
            expected.push_back(t.id);
        std::vector<std::string> seen;
        for (auto page = must(q().read(query)); !page.empty(); page = must(q().read(query))) {
          for (const model::Task& t : page) seen.push_back(t.id);
          query.after_seq = page.back().seq;
        }
        KIT_EQ(seen, expected) << states.size() << " states, type " << type << ", site " << site;
      }
}

SKEP_KIT_CASE(QueueBench, pages_in_both_directions_with_filters) {
  std::vector<model::Task> tasks;
  for (int i = 0; i < 30; ++i) {
    tasks.push_back(new_task("t" + std::to_string(i), i % 2 == 0 ? "t" : "u"));
    tasks.back().spec.site = i % 3 == 0 ? "site-a" : "site-b";
    if (i == 7) tasks.back().spec.target_worker = "w9";
    if (i == 8) tasks.back().spec.idempotency_key = "k8";
  }
  enqueue(tasks);
  ports::TaskQuery query;
  query.limit = 12;
  std::vector<std::string> seen;
  for (;;) {
    const auto page = must(q().read(query));
    if (page.empty()) break;
    for (const auto& t : page) seen.push_back(t.id);
    query.after_seq = page.back().seq;
  }
  std::vector<std::string> expected = ids(tasks);
  std::reverse(expected.begin(), expected.end());
  KIT_EQ(seen, expected);

  ports::TaskQuery typed;
  typed.type = "t";
  typed.site = "site-a";
  typed.newest_first = false;
  KIT_EQ(ids(must(q().read(typed))), (std::vector<std::string>{"t0", "t6", "t12", "t18", "t24"}));
  ports::TaskQuery keyed;
  keyed.idempotency_key = "k8";
  KIT_EQ(ids(must(q().read(keyed))), std::vector<std::string>{"t8"});
  keyed.type = "u";
  KIT_TRUE(must(q().read(keyed)).empty()) << "of another type";
  keyed = {};
  keyed.idempotency_key = "k9";
  KIT_TRUE(must(q().read(keyed)).empty());
  ports::TaskQuery of_worker;
  of_worker.worker_id = "w9";
  KIT_EQ(ids(must(q().read(of_worker))), std::vector<std::string>{"t7"});
  of_worker.worker_id = "w1";
  const auto held = claim(2);
  of_worker.states = {kClaimed, kExecuting};
  KIT_EQ(must(q().read(of_worker)).size(), 0u + held.size());
  ports::TaskQuery live;
  live.states = {kClaimed, kQueued};
  live.newest_first = false;
  live.limit = 4;
  KIT_EQ(ids(must(q().read(live))), (std::vector<std::string>{"t0", "t1", "t2", "t3"}));
  for (live.limit = 1; live.limit <= 4; ++live.limit) {
    const auto page = ids(must(q().read(live)));
    KIT_EQ(page.size(), live.limit);
    for (std::size_t i = 0; i < page.size(); ++i) KIT_EQ(page[i], "t" + std::to_string(i));
  }
}

SKEP_KIT_CASE(QueueBench, counts_by_state_site_and_type) {
  std::vector<model::Task> tasks;
  for (int i = 0; i < 6; ++i) {
    tasks.push_back(new_task("t" + std::to_string(i)));
    tasks.back().created_ms = now + i;
    tasks.back().spec.site = i < 4 ? "site-a" : "site-b";
  }
  enqueue(tasks);
  complete(success(claim_one()));
  auto counts = must(q().stats());
  std::sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
    return std::tie(a.state, a.site) < std::tie(b.state, b.site);
  });
  KIT_EQ(counts.size(), 3u);
  KIT_EQ(counts[0].site, "site-a");
  KIT_EQ(counts[0].count, 3);
  KIT_EQ(counts[0].oldest_created_ms, now + 1);
  KIT_EQ(counts[1].count, 2);
  KIT_EQ(counts[1].type, "t");
  KIT_EQ(counts[2].state, kSucceeded);
  KIT_EQ(counts[2].count, 1);
}

}  // namespace

Cases<ports::Queue> queue_pages_cases() {
  static constexpr KindCase<ports::Queue> kCases[] = {
      SKEP_KIT_ENTRY(bounds_claims_pages_and_completions_by_bytes),
      SKEP_KIT_ENTRY(pages_what_has_ended_by_type_and_by_site),
      SKEP_KIT_ENTRY(pages_what_a_worker_holds_has_held_and_is_meant_to_run),
      SKEP_KIT_ENTRY(pages_in_both_directions_with_filters),
      SKEP_KIT_ENTRY(counts_by_state_site_and_type)};
  return kCases;
}

}  // namespace skep::conformance
