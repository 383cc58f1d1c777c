// What becomes of leases, presence and history when somebody sets the clock.
#include <algorithm>
#include <array>

#include "bundle.hpp"
#include "core/control/workers/workers.hpp"

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

TEST_F(ClockTest, a_worker_gets_no_younger_by_restarts_after_a_long_stop) {
  control::Retention retention(control.platform(), kDay.count());
  enrol("gone");
  ASSERT_TRUE(retention.step());
  clock.advance(3 * kHour);
  ASSERT_TRUE(retention.step());
  clock.advance(2 * kHour);  // nobody serves meanwhile
  const auto age = [&](control::Control& serving, const std::string& worker) {
    const auto found = serving.feature<control::Workers>().directory.peek(worker);
    return Millis{found ? clock.wall_ms() - found->last_seen_ms : -1};
  };
  for (int i = 0; i < 3; ++i) {
    control::Control reborn(queue, store, clock, config(), types());
    ASSERT_TRUE(reborn.prepare());
    EXPECT_GE(age(reborn, "gone"), 3 * kHour) << i;
    if (i > 0) {
      EXPECT_EQ(age(reborn, "lives"), Millis{300'000}) << i;
    }
    router = std::make_unique<net::Router>(reborn.routes());
    enrol("lives");
    ASSERT_TRUE(reborn.feature<control::Workers>().directory.flush());
    clock.advance(Millis{300'000});
  }
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

/// Where a task is when somebody sets the clock.
enum class Where {
  kQueued,
  kExpiring,   ///< queued, with an expires_at half an hour ahead
  kLasting,    ///< queued, with one 800 days ahead
  kScheduled,  ///< with a run_at half an hour ahead
  kBacksOff,   ///< tried again in ten minutes
  kClaimed,
  kExecuting,
  kSuspect,
  kEnded,  ///< and not reconciled yet
  kHistory,
};
constexpr std::array<const char*, 10> kPlaces{"queued",    "expiring", "lasting",   "scheduled",
                                              "backs_off", "claimed",  "executing", "suspect",
                                              "ended",     "history"};
constexpr std::array<Millis, 6> kSteps{kHour,      -kHour,     10 * kDay,
                                       -10 * kDay, 400 * kDay, -400 * kDay};
using Step = std::tuple<Where, Millis, bool>;

class ClockJumpTest : public ClockTest, public testing::WithParamInterface<Step> {
 protected:
  Where where() const { return std::get<0>(GetParam()); }
  Millis by() const { return std::get<1>(GetParam()); }
  bool ahead() const { return by() > Millis{0}; }
  bool down() const { return std::get<2>(GetParam()); }
  model::TaskState state() { return task(id).state; }

  /// Everything that the clock drives.
  void go_on() {
    ASSERT_TRUE(serving->feature<control::Tasks>().reaper.round());
    ASSERT_TRUE(serving->feature<control::Workers>().retention.step());
    ASSERT_TRUE(control::Retention(serving->platform(), kDay.count()).step());
  }
  void go_on_after(std::int64_t seconds) {
    clock.advance(Millis{seconds * 1'000});
    go_on();
  }
  void jump() {
    go_on_after(10);
    clock.set(by());
    if (down()) {
      reborn.emplace(queue, store, clock, config(), types());
      ASSERT_TRUE(reborn->prepare());
      router = std::make_unique<net::Router>(reborn->routes());
      serving = &*reborn;
    }
    go_on();
  }

  std::string echo(const std::string& member, Millis from_now) {
    return R"({"type":"echo",")" + member + R"(":")" + to_iso(clock.wall_ms() + from_now.count()) +
           R"("})";
  }
  std::string document() {
    if (where() == Where::kExpiring) return echo("expires_at", kHour / 2);
    if (where() == Where::kLasting) return echo("expires_at", 800 * kDay);
    if (where() == Where::kScheduled) return echo("run_at", kHour / 2);
    return R"({"type":"echo"})";
  }
  void take() {
    beat("w1");
    const auto got = claim("w1", 1);
    ASSERT_EQ(got.size(), 1u);
    result = envelope(got[0].lease, "w1");
  }
  /// The worker says that it holds it.
  void hold(bool executing) {
    ::skep::api::Beat b{"w1", "i1"};
    b.tasks = {{result.lease, executing}};
    const auto reply = api("POST", "/api/workers/w1/heartbeat", ::skep::api::encode(b));
    EXPECT_EQ(get_string(reply.at("tasks").as_array().at(0).as_object(), "verdict"), "held");
  }
  void get_there() {
    enrol("w1");
    id = submit(document());
    if (where() <= Where::kScheduled) return;
    take();
    if (where() == Where::kBacksOff) {
      const model::Outcome failed{
          .kind = model::OutcomeKind::kFailed, .retryable = true, .retry_after_ms = 600'000};
      ASSERT_EQ(verdict_of(envelope(result.lease, "w1", failed)), "applied");
    }
    if (where() == Where::kExecuting || where() == Where::kSuspect) hold(true);
    if (where() == Where::kSuspect) go_on_after(91);
    if (where() < Where::kEnded) return;
    ASSERT_EQ(verdict_of(result), "applied");
    if (where() == Where::kEnded) return;
    ASSERT_TRUE(control.reconciler().step(10));
  }

  void runs() {
    ASSERT_EQ(state(), model::TaskState::kQueued);
    take();
    EXPECT_EQ(verdict_of(result), "applied");
  }
  /// Its lease lasts, and ends in its time.
  void is_held() {
    EXPECT_TRUE(model::is_held(state()));
    if (down()) {  // nobody is given up before he had the time to say that he is there
      go_on_after(299);
      EXPECT_TRUE(model::is_held(state()));
    } else {
      EXPECT_EQ(task(id).lease_expires_ms, clock.wall_ms() + 90'000);
    }
    hold(where() != Where::kClaimed);
    go_on_after(89);
    EXPECT_TRUE(model::is_held(state()));
    EXPECT_NE(state(), model::TaskState::kSuspect);
    go_on_after(2);
    EXPECT_EQ(state(), model::TaskState::kSuspect);
    go_on_after(298);
    EXPECT_EQ(state(), model::TaskState::kSuspect);
    EXPECT_EQ(task(id).attempt, 1);
    go_on_after(6);
    EXPECT_EQ(state(), model::TaskState::kWaiting) << "given up";
    EXPECT_EQ(verdict_of(result), "applied_late");
  }
  void is_kept() {
    ASSERT_TRUE(serving->reconciler().step(10));
    for (int hours = 0; hours < 22; ++hours) {
      EXPECT_EQ(state(), model::TaskState::kSucceeded) << hours;
      EXPECT_EQ(verdict_of(result), "duplicate") << hours;
      go_on_after(3'600);
    }
  }
  void is_at_its_place() {
    switch (where()) {
      case Where::kQueued:
      case Where::kLasting:
        return runs();
      case Where::kExpiring:
        if (!ahead()) return runs();
        EXPECT_EQ(state(), model::TaskState::kCancelled) << "the instant that was named is over";
        return;
      case Where::kScheduled:
        EXPECT_EQ(state(), ahead() ? model::TaskState::kQueued : model::TaskState::kWaiting);
        clock.set(-by());
        go_on_after(1'800);
        return runs();
      case Where::kBacksOff:
        go_on_after(580);
        EXPECT_EQ(state(), model::TaskState::kWaiting);
        go_on_after(11);
        return runs();
      case Where::kClaimed:
      case Where::kExecuting:
      case Where::kSuspect:
        return is_held();
      case Where::kEnded:
      case Where::kHistory:
        return is_kept();
    }
  }

  control::Control* serving = &control;
  std::optional<control::Control> reborn;
  std::string id;
  model::Envelope result;
};

TEST_P(ClockJumpTest, nothing_is_lost_and_nothing_fails_that_had_not) {
  go_on();
  get_there();
  jump();
  EXPECT_EQ(call("GET", "/api/workers/w1").status, 200) << "no worker is forgotten";
  if (!down() && where() != Where::kSuspect) {
    EXPECT_EQ(presence("w1"), "online");
  }
  is_at_its_place();
  EXPECT_EQ(tasks_kept(), 1u);
}

std::string name_of(const testing::TestParamInfo<Step>& info) {
  const auto& [where, by, down] = info.param;
  const auto hours = by / kHour;
  return std::string(kPlaces.at(static_cast<std::size_t>(where))) +
         (hours > 0 ? "_ahead_" : "_back_") + std::to_string(std::abs(hours)) + "h" +
         (down ? "_while_down" : "");
}

INSTANTIATE_TEST_SUITE_P(places, ClockJumpTest,
                         testing::Combine(testing::Values(Where::kQueued, Where::kExpiring,
                                                          Where::kLasting, Where::kScheduled,
                                                          Where::kBacksOff, Where::kClaimed,
                                                          Where::kExecuting, Where::kSuspect,
                                                          Where::kEnded, Where::kHistory),
                                          testing::ValuesIn(kSteps), testing::Bool()),
                         name_of);

}  // namespace
}  // namespace skep::test
