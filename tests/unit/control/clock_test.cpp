// What becomes of leases, presence and history when somebody sets the clock.
#include <algorithm>

#include "bundle.hpp"

namespace skep::test {
namespace {

constexpr Millis kHour{3'600'000};
constexpr Millis kDay = 24 * kHour;

class ClockTest : public ControlTest {
 protected:
  void round() { ASSERT_TRUE(tasks().reaper.round()); }
  model::Task task(const std::string& id) {
    ports::TaskQuery query;
    query.id = id;
    const auto rows = queue.read(query);
    return rows && !rows->empty() ? rows->front() : model::Task{};
  }
  std::string presence(const std::string& worker) {
    return get_string(api("GET", "/api/workers/" + worker), "status");
  }
  std::size_t tasks_kept() { return queue.read({}).value().size(); }
};

TEST_F(ClockTest, a_clock_that_is_set_neither_ends_a_lease_nor_prolongs_it) {  // F3
  for (const Millis by : {kHour, -kHour, 10 * kDay, -10 * kDay, 400 * kDay, -400 * kDay}) {
    const std::string worker = "w" + std::to_string(by.count());
    round();
    enrol(worker);
    const std::string id = submit();
    ASSERT_EQ(claim(worker, 1).size(), 1u);
    clock.advance(Millis{30'000});
    clock.set(by);
    round();
    EXPECT_EQ(task(id).state, model::TaskState::kClaimed) << by.count();
    EXPECT_EQ(task(id).lease_expires_ms, clock.wall_ms() + 90'000) << by.count();
    EXPECT_EQ(presence(worker), "online") << by.count();
    clock.advance(Millis{91'000});
    round();
    EXPECT_EQ(task(id).state, model::TaskState::kSuspect) << by.count();
    api("POST", "/api/tasks/" + id + "/cancel");
  }
}

TEST_F(ClockTest, what_waits_for_an_instant_follows_the_clock) {  // F3
  round();
  const std::string id = submit(R"({"type":"echo","run_at":")" +
                                to_iso(clock.wall_ms() + kHour.count() / 2) + R"("})");
  clock.set(kHour);
  round();
  EXPECT_EQ(task(id).state, model::TaskState::kQueued);
}

TEST_F(ClockTest, a_claim_that_waits_is_woken_when_the_clock_was_set) {
  round();
  enrol("w1");
  const auto waiting =
      call("POST", "/api/workers/w1/claim", api::encode(api::ClaimRequest{"i1", 1, 30, {}}));
  ASSERT_TRUE(waiting.wait);
  int woken = 0;
  waits().claims.add(waiting.wait->key, waiting.wait->ticket, [&] { ++woken; });
  clock.set(kHour);
  round();
  EXPECT_EQ(woken, 1);
}

TEST_F(ClockTest, leases_from_the_future_are_cut_at_the_start) {  // B7
  enrol("w1");
  const std::string id = submit();
  ASSERT_EQ(claim("w1", 1).size(), 1u);
  clock.set(-10 * kDay);  // while the node was down
  round();
  EXPECT_EQ(task(id).lease_expires_ms, clock.wall_ms() + 90'000);
  clock.advance(Millis{301'000});
  EXPECT_EQ(presence("w1"), "stale");
}

TEST_F(ClockTest, nothing_is_deleted_by_a_clock_that_was_set_ahead) {  // B7
  control::Retention retention(control.platform(), kDay.count());
  ASSERT_TRUE(retention.step());
  enrol("w1");
  submit();
  EXPECT_EQ(verdict_of(envelope(claim("w1").at(0).lease, "w1")), "applied");
  ASSERT_TRUE(control.reconciler().step(10));
  clock.set(400 * kDay);
  ASSERT_TRUE(retention.step());
  EXPECT_EQ(tasks_kept(), 1u);

  // The same after a restart, as far as memory goes.
  control::SettledTime reborn(store, clock);
  EXPECT_LT(reborn.now().value(), clock.wall_ms() - 399 * kDay.count());
  clock.advance(kHour);
  ASSERT_TRUE(retention.step());
  EXPECT_EQ(tasks_kept(), 1u);
  // The clock stands by it.
  clock.advance(kDay);
  ASSERT_TRUE(retention.step());
  EXPECT_EQ(tasks_kept(), 0u);
}

TEST_F(ClockTest, history_goes_in_its_time) {
  control::Retention retention(control.platform(), kDay.count());
  enrol("w1");
  submit();
  EXPECT_EQ(verdict_of(envelope(claim("w1").at(0).lease, "w1")), "applied");
  ASSERT_TRUE(control.reconciler().step(10));
  for (int hours = 0; hours < 24; ++hours) {
    ASSERT_TRUE(retention.step());
    EXPECT_EQ(tasks_kept(), 1u);
    clock.advance(kHour);
  }
  clock.advance(Millis{1'000});
  ASSERT_TRUE(retention.step());
  EXPECT_EQ(tasks_kept(), 0u);
}

}  // namespace
}  // namespace skep::test
