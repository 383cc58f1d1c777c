// The SQLite queue under calls that end: who waits goes, what was begun is undone, the rest stands.
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "plugins/sqlite/queue.hpp"
#include "skep/testkit.hpp"
#include "tests/conformance/queue_sqlite.hpp"

namespace skep::test {
namespace {

constexpr const char* kOneColumn = "CREATE TABLE t (x)";
constexpr const char* kCallMigrations[] = {kOneColumn};
constexpr sqlite::Schema kCallSchema{"test", 0x534b5054, kCallMigrations};
constexpr const char* kEndless =
    "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

class SqliteCalls : public ::testing::Test {
 protected:
  sqlite::Database open() {
    return {sqlite::Options{dir_.file("t.db"), false, 1'000}, kCallSchema, [] {}};
  }
  static std::int64_t rows(sqlite::Database& db) {
    return db.read(Call(), "count",
                   [](sqlite::Connection& c) { return c.query_int("SELECT count(*) FROM t"); });
  }
  static void insert(sqlite::Database& db) {
    db.write(Call(), "insert",
             [](sqlite::Connection& c) { c.execute("INSERT INTO t VALUES (1)"); });
  }
  /// The code that it threw; 0 when it did not.
  static skep_rc thrown_by(const std::function<void()>& body) {
    try {
      body();
    } catch (const Fault& fault) {
      return fault.code();
    }
    return SKEP_OK;
  }

  const TempDir dir_;
};

TEST_F(SqliteCalls, a_write_that_has_not_begun_is_taken_back) {
  auto db = open();
  std::promise<void> inside;
  std::promise<void> gate;
  std::thread first([&] {
    db.write(Call(), "hold", [&](sqlite::Connection&) {
      inside.set_value();
      gate.get_future().wait();
    });
  });
  inside.get_future().wait();
  testkit::Call call;
  std::thread canceller([&] { call.cancel(); });
  bool ran = false;
  EXPECT_EQ(thrown_by([&] {
              db.write(Call(call.handle()), "wait", [&](sqlite::Connection&) { ran = true; });
            }),
            SKEP_E_CANCELLED);
  canceller.join();
  gate.set_value();
  first.join();
  insert(db);
  EXPECT_FALSE(ran);
  EXPECT_EQ(rows(db), 1);
}

TEST_F(SqliteCalls, a_write_that_takes_too_long_is_undone_alone) {
  auto db = open();
  std::vector<std::thread> others;
  for (int i = 0; i < 4; ++i)
    others.emplace_back([&] {
      for (int n = 0; n < 25; ++n) insert(db);
    });
  testkit::Call call(20);
  EXPECT_EQ(thrown_by([&] {
              db.write(Call(call.handle()), "endless",
                       [](sqlite::Connection& c) { c.execute(kEndless); });
            }),
            SKEP_E_DEADLINE);
  for (std::thread& other : others) other.join();
  EXPECT_EQ(rows(db), 100);
}

TEST_F(SqliteCalls, a_read_ends_with_its_call) {
  auto db = open();
  testkit::Call call;
  std::promise<void> inside;
  std::thread canceller([&] {
    inside.get_future().wait();
    call.cancel(SKEP_CANCEL_SHUTDOWN);
  });
  EXPECT_EQ(thrown_by([&] {
              db.read(Call(call.handle()), "endless", [&](sqlite::Connection& c) {
                inside.set_value();
                return c.query_int(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                    " SELECT count(*) FROM n");
              });
            }),
            SKEP_E_CANCELLED);
  canceller.join();
  EXPECT_EQ(rows(db), 0) << "the reader serves others";
}

TEST_F(SqliteCalls, nobody_waits_for_a_reader_after_his_call) {
  open();
  const Call no_limit;
  sqlite::Readers readers(dir_.file("t.db"), 0);
  std::vector<std::unique_ptr<sqlite::Readers::Snapshot>> all;
  for (int i = 0; i < 4; ++i)
    all.push_back(std::make_unique<sqlite::Readers::Snapshot>(readers, no_limit, "hold"));
  testkit::Call over(1);
  EXPECT_EQ(thrown_by([&] {
              const Call call(over.handle());
              const sqlite::Readers::Snapshot late(readers, call, "read");
            }),
            SKEP_E_DEADLINE);
  all.pop_back();
  const sqlite::Readers::Snapshot next(readers, no_limit, "read");
}

// ---- the queue ----

class SqliteQueueCalls : public ::testing::Test {
 protected:
  SqliteQueueCalls() { queue_.start(no_limit_); }
  ~SqliteQueueCalls() override { queue_.stop(no_limit_); }

  void add(const std::string& id, const std::string& key = "") {
    skep_queue_task task{};
    task.size = sizeof(task);
    task.id = view(id);
    task.type = view("t");
    task.idempotency_key = view(key);
    task.max_attempts = 5;
    queue_.enqueue(no_limit_, now_, std::span<const skep_queue_task>(&task, 1), ignore());
  }
  struct Claimed {
    std::string id, lease;
    std::int64_t attempt = 0;
  };
  Claimed claim() {
    const skep_view type = view("t");
    skep_queue_filter filter{};
    filter.size = sizeof(filter);
    filter.max = 1;
    filter.worker_id = view("w");
    filter.incarnation = view("i");
    filter.types = &type;
    filter.type_count = 1;
    filter.lease_ms = 60'000;
    Claimed out;
    queue_.claim(no_limit_, now_, filter,
                 {&out, [](void* to, const skep_queue_task* row) -> skep_rc {
                    *static_cast<Claimed*>(to) = {std::string(text(row->id)),
                                                  std::string(text(row->lease_id)), row->attempt};
                    return SKEP_OK;
                  }});
    return out;
  }
  /// Fails what was claimed, to be tried again after so long.
  void fail(const Claimed& claimed, std::int64_t retry_delay_ms) {
    skep_queue_result result{};
    result.size = sizeof(result);
    result.outcome = SKEP_OUTCOME_FAILED;
    result.idempotency_key = view(claimed.lease);
    result.task_id = view(claimed.id);
    result.lease_id = view(claimed.lease);
    result.worker_id = view("w");
    result.attempt = claimed.attempt;
    result.retry_delay_ms = retry_delay_ms;
    queue_.complete(no_limit_, now_, std::span<const skep_queue_result>(&result, 1), ignore());
  }
  std::int32_t requeue(const std::string& id, std::int64_t expected_attempt) {
    std::int32_t out = -1;
    queue_.requeue(no_limit_, now_, {sizeof(skep_queue_requeue), 0, view(id), expected_attempt},
                   {&out, [](void* to, std::uint32_t, std::int32_t verdict, skep_view) -> skep_rc {
                      *static_cast<std::int32_t*>(to) = verdict;
                      return SKEP_OK;
                    }});
    return out;
  }
  std::vector<std::string> with_key(const std::string& key, const std::string& type = "") {
    skep_queue_query query{};
    query.size = sizeof(query);
    query.limit = 10;
    query.type = view(type);
    query.idempotency_key = view(key);
    std::vector<std::string> out;
    queue_.read(no_limit_, query,
                {&out, [](void* to, const skep_queue_task* row) -> skep_rc {
                   static_cast<std::vector<std::string>*>(to)->emplace_back(text(row->id));
                   return SKEP_OK;
                 }});
    return out;
  }
  static skep_queue_verdicts ignore() {
    return {nullptr, [](void*, std::uint32_t, std::int32_t, skep_view) -> skep_rc { return 0; }};
  }

  const TempDir dir_;
  Call no_limit_;
  std::int64_t now_ = 1'768'000'000'000;
  sqlite::SqliteQueue queue_{sqlite_config(dir_.file("q.db"))};
};

TEST_F(SqliteQueueCalls, wait_ends_with_its_call) {
  testkit::Call call;
  std::thread canceller([&] { call.cancel(SKEP_CANCEL_RELOAD); });
  std::uint64_t token = 0;
  queue_.wait(no_limit_, 0, token);
  Call waits(call.handle());
  queue_.wait(waits, 3'000'000, token);
  EXPECT_TRUE(waits.cancelled());
  canceller.join();
}

TEST_F(SqliteQueueCalls, a_requeue_that_knows_another_attempt_does_nothing) {
  add("a");
  fail(claim(), -1);
  EXPECT_EQ(requeue("a", 0), SKEP_LEASE_LOST);
  EXPECT_EQ(requeue("a", 2), SKEP_LEASE_LOST);
  EXPECT_EQ(requeue("a", 1), SKEP_LEASE_HELD);
  fail(claim(), -1);
  EXPECT_EQ(requeue("a", 1), SKEP_LEASE_LOST) << "of a decision made before the second attempt";
  EXPECT_EQ(requeue("a", -1), SKEP_LEASE_HELD);
}

TEST_F(SqliteQueueCalls, a_task_is_found_by_its_key) {
  add("a", "ka");
  add("b", "kb");
  EXPECT_EQ(with_key("kb"), std::vector<std::string>{"b"});
  EXPECT_EQ(with_key("kb", "another type"), std::vector<std::string>{});
  EXPECT_EQ(with_key("k"), std::vector<std::string>{});
}

TEST_F(SqliteQueueCalls, a_retry_keeps_its_delay_when_the_clock_is_set) {
  std::int64_t mono = 5'000;
  const auto tick = [&] { queue_.tick(no_limit_, now_, mono); };
  for (const std::int64_t set_by : {3'600'000, -3'600'000, 0}) {
    add("task" + std::to_string(set_by));
    tick();
    const Claimed claimed = claim();
    ASSERT_FALSE(claimed.id.empty());
    fail(claimed, 10'000);
    now_ += set_by + 4'000;
    mono += 4'000;
    tick();
    EXPECT_EQ(claim().id, "") << set_by << ": six seconds are left";
    now_ += 6'000;
    mono += 6'000;
    tick();
    const Claimed again = claim();
    EXPECT_EQ(again.id, claimed.id) << set_by;
    fail(again, -1);
  }
}

TEST_F(SqliteQueueCalls, time_that_passes_between_two_looks_is_no_clock_that_was_set) {
  add("a");
  queue_.tick(no_limit_, now_, 1'000);
  fail(claim(), 10'000);
  now_ += 3'600'000;
  queue_.tick(no_limit_, now_, 3'601'000);
  EXPECT_EQ(claim().id, "a");
}

}  // namespace
}  // namespace skep::test
