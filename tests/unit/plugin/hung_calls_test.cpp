// Tables whose functions do not come back before a gate opens: what their callers get, and what the
// host makes of an answer that comes too late.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <map>
#include <thread>

#include "core/plugin/adapters/heartbeat.hpp"
#include "core/plugin/adapters/queue.hpp"
#include "core/plugin/adapters/spool.hpp"
#include "core/plugin/adapters/store.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

struct Gate {
  std::atomic<bool> open{false};
  std::atomic<int> entered{0};
  void pass() {
    ++entered;
    entered.notify_all();
    open.wait(false);
  }
  void await(int calls) {
    for (int n = entered; n < calls; n = entered) entered.wait(n);
  }
  void let_go() {
    open = true;
    open.notify_all();
  }
};
Gate* g_gate = nullptr;

template <class R, class... A>
R hang(A...) {
  g_gate->pass();
  return R();
}
template <class Table, class R, class... A>
void hangs_in(Table& table, R (*Table::*function)(A...)) {
  table.*function = hang<R, A...>;
}
template <class Table, class... Functions>
Table hanging(Functions... functions) {
  Table table{};
  table.size = sizeof(table);
  (hangs_in(table, functions), ...);
  return table;
}

using Q = skep_queue_v1;
using S = skep_store_v1;
using P = skep_spool_v1;
const Q kQueue = hanging<Q>(&Q::enqueue, &Q::claim, &Q::renew, &Q::complete, &Q::release, &Q::tick,
                            &Q::overdue, &Q::lose, &Q::cancel, &Q::requeue, &Q::read, &Q::attempts,
                            &Q::completions, &Q::stats, &Q::wait, &Q::purge);
const S kStore = hanging<S>(&S::batch, &S::query, &S::migrate);
const P kSpool = hanging<P>(&P::reserve, &P::unreserve, &P::put, &P::ack, &P::defer, &P::reject,
                            &P::next, &P::stats, &P::verify);
const skep_heartbeat_v1 kHeartbeat = hanging<skep_heartbeat_v1>(&skep_heartbeat_v1::beat);

/// Nobody waits for anything.
constexpr CallLimits kImpatient{Millis{0}, Millis{0}, Millis{0}, Millis{0},
                                Millis{0}, Millis{0}, Millis{0}};
/// Only what is cancelled is given up, at once.
constexpr CallLimits limits_without_grace() {
  CallLimits limits;
  limits.step = limits.spool = Millis{3'600'000};
  limits.grace = Millis{0};
  limits.stopping = Millis{0};
  return limits;
}

class HungCallsTest : public testing::Test {
 protected:
  HungCallsTest() {
    g_gate = &gate_;
    books_->apply(GenerationEvent::kServe);
  }
  ~HungCallsTest() override {
    gate_.let_go();
    await_answers();
  }
  std::shared_ptr<RouteHandle> route(const void* table, CallLimits limits = kImpatient) {
    auto handle = std::make_shared<RouteHandle>(
        std::make_shared<Route>(Route::Target{books_, table, nullptr, "thing", {}}),
        std::function<void()>());
    handle->limits = limits;
    return handle;
  }
  /// Until all have come back and everything about them is done.
  void await_answers() {
    while (given_up_calls() > given_up_before_) std::this_thread::yield();
  }
  int hung() {
    const auto hang = books_->hung().of("thing");
    return hang ? hang->calls : 0;
  }
  void expect_hang(const Error& error, std::string_view call) {
    EXPECT_EQ(error.code, Code::kUnavailable) << error.message;
    EXPECT_EQ(error.id(), "plugin-hangs");
    EXPECT_GT(error.retry_after.count(), 0);
    EXPECT_EQ(error.message,
              "plugin acme: thing: " + std::string(call) + " has not answered for 0 s");
    EXPECT_NE(error.next.find("skep plugin reload acme"), std::string::npos) << error.next;
  }

  Gate gate_;
  const int given_up_before_ = given_up_calls();
  const std::shared_ptr<Generation> books_ =
      std::make_shared<Generation>("acme", GenerationInfo{.number = 1});
};

/// The error of a Result, which must have one.
template <class T>
Error error_of(const Result<T>& result) {
  if (result) throw std::runtime_error("it answered");
  return result.error();
}

TEST_F(HungCallsTest, each_function_costs_its_caller_an_error) {
  QueueAdapter q(route(&kQueue));
  StoreAdapter s(route(&kStore));
  SpoolAdapter p(route(&kSpool));
  HeartbeatAdapter h(route(&kHeartbeat));
  const std::vector<std::string> names{"n"};
  const std::map<std::string, std::function<Error()>> calls{
      {"enqueue", [&] { return error_of(q.enqueue(1, std::vector<model::Task>(2))); }},
      {"claim", [&] { return error_of(q.claim(1, {})); }},
      {"renew", [&] { return error_of(q.renew(1, std::vector<ports::Renewal>(1), 1)); }},
      {"complete", [&] { return error_of(q.complete(1, std::vector<ports::ResultRecord>(1))); }},
      {"release", [&] { return error_of(q.release(1, std::vector<model::Lease>(1))); }},
      {"tick", [&] { return error_of(q.tick(1, 1)); }},
      {"overdue", [&] { return error_of(q.overdue(1, "w", "i")); }},
      {"lose", [&] { return error_of(q.lose(1, 1, std::vector<ports::Loss>(1))); }},
      {"cancel", [&] { return error_of(q.cancel(1, "t", "{}")); }},
      {"requeue", [&] { return error_of(q.requeue(1, "t", ports::kAnyAttempt)); }},
      {"read", [&] { return error_of(q.read({})); }},
      {"attempts", [&] { return error_of(q.attempts("t")); }},
      {"completions", [&] { return error_of(q.completions(0, 1, 0)); }},
      {"stats", [&] { return error_of(q.stats()); }},
      {"wait", [&] { return error_of(q.wait(Millis{0}, 0)); }},
      {"purge", [&] { return error_of(q.purge(1, 1, 1)); }},
      {"batch", [&] { return error_of(s.batch(std::vector<ports::Statement>(2))); }},
      {"query", [&] { return error_of(s.query({"SELECT 1"})); }},
      {"migrate", [&] { return error_of(s.migrate("n", names)); }},
      {"reserve", [&] { return error_of(p.reserve(1)); }},
      {"put", [&] { return error_of(p.put(std::vector<ports::SpoolItem>(1))); }},
      {"ack", [&] { return error_of(p.ack(names)); }},
      {"defer", [&] { return error_of(p.defer(names)); }},
      {"reject", [&] { return error_of(p.reject("n", "r")); }},
      {"next", [&] { return error_of(p.next(1)); }},
      {"stats ", [&] { return error_of(p.stats()); }},
      {"verify", [&] { return error_of(p.verify()); }},
      {"beat", [&] { return error_of(h.beat("u", "t", "{}", Millis{0})); }}};
  std::int64_t faults = 0;
  for (const auto& [name, call] : calls) {
    expect_hang(call(), name.substr(0, name.find(' ')));
    EXPECT_EQ(books_->tally().faults, ++faults) << name;
    EXPECT_TRUE(books_->wait_idle(0)) << name << ": a reload would wait for it";
    EXPECT_EQ(hung(), 1);
    gate_.let_go();
    await_answers();
    EXPECT_EQ(hung(), 0) << name;
    gate_.open = false;
  }
  p.unreserve(1);  // has no error to give
  gate_.let_go();
  await_answers();
  EXPECT_EQ(hung(), 0);
}

TEST_F(HungCallsTest, no_more_than_some_threads_are_lost) {
  QueueAdapter queue(route(&kQueue));
  for (int i = 0; i < HungCalls::kMost; ++i) EXPECT_FALSE(queue.stats());
  gate_.await(HungCalls::kMost);
  const Error refused = error_of(queue.tick(1, 1));
  EXPECT_EQ(refused.message,
            "plugin acme: thing: stats has not answered for 0 s; 16 calls are inside");
  EXPECT_EQ(refused.id(), "plugin-hangs");
  EXPECT_EQ(gate_.entered, HungCalls::kMost);
  EXPECT_EQ(books_->tally().calls, HungCalls::kMost) << "what is not called does not fail";
  EXPECT_EQ(given_up_calls(), given_up_before_ + HungCalls::kMost);
  gate_.let_go();
  await_answers();
  QueueAdapter patient(route(&kQueue, CallLimits()));
  EXPECT_TRUE(patient.stats());
}

TEST_F(HungCallsTest, another_generation_starts_with_none) {
  const auto handle = route(&kQueue);
  QueueAdapter queue(handle);
  for (int i = 0; i < HungCalls::kMost; ++i) EXPECT_FALSE(queue.stats());
  static Q good = kQueue;
  good.stats = [](skep_inst*, skep_call*, const skep_queue_counts*, skep_err*) { return SKEP_OK; };
  handle->limits = CallLimits();
  auto next = std::make_shared<Generation>("acme", GenerationInfo{.number = 2});
  handle->route->open(Route::Target{next, &good, nullptr, "thing", {}});
  EXPECT_TRUE(queue.stats());
}

TEST_F(HungCallsTest, a_heartbeat_is_called_by_one_at_a_time) {
  HeartbeatAdapter heartbeat(route(&kHeartbeat));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(error_of(heartbeat.beat("u", "", "{}", Millis{0})).id(), "plugin-hangs");
  gate_.await(1);
  EXPECT_EQ(gate_.entered, 1);
}

// A spool that counts what is set aside and remembers what was deferred.
std::atomic<std::int64_t> g_reserved{0};
std::atomic<int> g_deferred{0};
P counting_spool() {
  P table = kSpool;
  table.reserve = [](skep_inst*, skep_call*, std::uint64_t bytes, skep_err*) -> skep_rc {
    g_gate->pass();
    g_reserved += static_cast<std::int64_t>(bytes);
    return SKEP_OK;
  };
  table.unreserve = [](skep_inst*, skep_call*, std::uint64_t bytes) {
    g_reserved -= static_cast<std::int64_t>(bytes);
  };
  table.put = [](skep_inst*, skep_call*, const skep_spool_item*, std::uint32_t,
                 const skep_spool_items* names, skep_err*) -> skep_rc {
    g_gate->pass();
    skep_spool_item named{};
    named.size = sizeof(named);
    named.name = to_view("n1");
    return names->item(names->ctx, 0, &named);
  };
  table.defer = [](skep_inst*, skep_call* call, const skep_view* names, std::uint32_t n,
                   skep_err*) -> skep_rc {
    if (n == 1 && text(names[0]) == "n1" && call->ops->cancelled(call) == 0) ++g_deferred;
    return SKEP_OK;
  };
  return table;
}

TEST_F(HungCallsTest, what_a_spool_reserved_too_late_goes_back) {
  static const P table = counting_spool();  // what comes back after the test calls it
  g_reserved = 0;
  SpoolAdapter spool(route(&table));
  EXPECT_FALSE(spool.reserve(100));
  gate_.let_go();
  await_answers();
  EXPECT_EQ(g_reserved, 0);
  SpoolAdapter patient(route(&table, CallLimits()));
  EXPECT_TRUE(patient.reserve(70));
  EXPECT_EQ(g_reserved, 70);
  patient.unreserve(70);
  EXPECT_EQ(g_reserved, 0);
}

TEST_F(HungCallsTest, what_a_spool_put_too_late_is_yielded_again) {
  static const P table = counting_spool();  // what comes back after the test calls it
  g_deferred = 0;
  CallLimits limits = kImpatient;
  limits.step = Millis{3'600'000};  // what is made good again has time
  SpoolAdapter spool(route(&table, limits));
  EXPECT_FALSE(spool.put(std::vector<ports::SpoolItem>(1)));
  EXPECT_EQ(g_deferred, 0);
  gate_.let_go();
  await_answers();
  EXPECT_EQ(g_deferred, 1);
}

TEST_F(HungCallsTest, a_spool_with_a_call_inside_takes_nothing_now) {
  static const P table = counting_spool();  // what comes back after the test calls it
  SpoolAdapter spool(route(&table));
  EXPECT_FALSE(spool.put(std::vector<ports::SpoolItem>(1)));
  gate_.await(1);
  EXPECT_EQ(error_of(spool.reserve(0)).id(), "plugin-hangs");
  EXPECT_EQ(gate_.entered, 1) << "nobody had to ask it";
}

TEST_F(HungCallsTest, who_waits_is_released_when_the_calls_are_cancelled) {
  QueueAdapter queue(route(&kQueue, limits_without_grace()));
  Error error;
  std::thread caller([&] { error = error_of(queue.stats()); });
  gate_.await(1);
  books_->cancel_all(ports::CancelReason::kReload);
  caller.join();
  EXPECT_EQ(error.id(), "plugin-hangs");
}

TEST_F(HungCallsTest, a_node_that_stops_waits_for_no_hang) {
  QueueAdapter queue(route(&kQueue, limits_without_grace()));
  Error error;
  std::thread caller([&] { error = error_of(queue.stats()); });
  gate_.await(1);
  books_->hurry();
  caller.join();
  EXPECT_EQ(error.id(), "plugin-hangs");
  EXPECT_EQ(error_of(queue.tick(1, 1)).id(), "plugin-hangs");
  EXPECT_EQ(gate_.entered, 1) << "it is not called again";
}

// One that does as it is told.
skep_rc wait_for_cancellation(skep_inst*, skep_call* call, const skep_queue_counts*,
                              skep_err*) noexcept {
  g_gate->pass();
  const int why = call->ops->wait(call, std::numeric_limits<std::int64_t>::max());
  return why == 0 ? SKEP_OK : SKEP_E_CANCELLED;
}

TEST_F(HungCallsTest, a_call_that_ends_when_it_is_told_to_may_be_tried_again) {
  Q table = kQueue;
  table.stats = wait_for_cancellation;
  gate_.let_go();
  CallLimits limits = limits_without_grace();
  limits.grace = Millis{3'600'000};
  QueueAdapter queue(route(&table, limits));
  Error error;
  std::thread caller([&] { error = error_of(queue.stats()); });
  gate_.await(1);
  books_->cancel_all(ports::CancelReason::kReload);
  caller.join();
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_NE(error.message.find("stats was stopped, as its plugin is being replaced"),
            std::string::npos)
      << error.message;
  limits.step = Millis{0};
  QueueAdapter impatient(route(&table, limits));
  EXPECT_NE(error_of(impatient.stats()).message.find("its time was up"), std::string::npos);
  EXPECT_EQ(books_->tally().faults, 0);
}

}  // namespace
}  // namespace skep::plugin
