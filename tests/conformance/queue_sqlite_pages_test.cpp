// What the SQLite queue reads and writes for a list, a claim and its lanes: no more than it gives.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "plugins/sqlite/queue.hpp"
#include "tests/conformance/queue_sqlite.hpp"

namespace skep::test {
namespace {

Call no_limit;

/// The numbers of tasks of a list, read without any time to look further than 10,000 steps.
std::vector<std::int64_t> listed(sqlite::SqliteQueue& queue, std::uint32_t state,
                                 const std::string& type = "", const std::string& site = "") {
  skep_queue_query query{};
  query.size = sizeof(query);
  query.limit = 3;
  query.worker_id = view("w1");
  query.type = view(type);
  query.site = view(site);
  query.states = &state;
  query.state_count = 1;
  query.newest_first = 1;
  std::vector<std::int64_t> out;
  const skep_queue_rows rows{&out, [](void* to, const skep_queue_task* row) -> skep_rc {
                               static_cast<std::vector<std::int64_t>*>(to)->push_back(row->seq);
                               return SKEP_OK;
                             }};
  queue.read(no_limit, query, rows);
  return out;
}

/// 30,000 tasks that `w1` has in that state, half of them of another type than "t".
void fill(const std::string& path, int state) {
  const std::string n =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000)";
  RawFile(path).run(
      n +
      " INSERT INTO worker_tasks (seq, id, state, lane_id, priority, type, site,"
      " target_worker, requirements, max_attempts, timeout_ms, created_ms, run_at_ms,"
      " expires_ms, worker_id) SELECT i, 'id' || i, " +
      std::to_string(state) +
      ", 0, 5, CASE WHEN i % 2 THEN 'u' ELSE 't' END,"
      " CASE WHEN i % 1000 THEN 'a' ELSE 'b' END, '', '', 5, 0, 1, 0, 0, 'w1' FROM n");
  RawFile(path).run(n + " INSERT INTO task_params SELECT i, '{}' FROM n");
}

TEST(SqliteQueue, lists_of_one_worker_read_no_more_rows_than_they_give) {  // N12
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open_queue(path).reset();
  fill(path, SKEP_TASK_SUCCEEDED);
  sqlite::SqliteQueue queue(sqlite_config(path), std::chrono::milliseconds{0});
  queue.start(no_limit);
  using Numbers = std::vector<std::int64_t>;
  EXPECT_EQ(listed(queue, SKEP_TASK_SUCCEEDED), (Numbers{30'000, 29'999, 29'998}));
  EXPECT_EQ(listed(queue, SKEP_TASK_SUCCEEDED, "u"), (Numbers{29'999, 29'997, 29'995}));
  EXPECT_EQ(listed(queue, SKEP_TASK_SUCCEEDED, "t", "b"), (Numbers{30'000, 29'000, 28'000}));
  EXPECT_EQ(listed(queue, SKEP_TASK_SUCCEEDED, "u", "b"), Numbers{});
  EXPECT_EQ(listed(queue, SKEP_TASK_FAILED), Numbers{});
  queue.stop(no_limit);
}

TEST(SqliteQueue, what_is_overdue_comes_in_portions) {  // N15
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open_queue(path).reset();
  fill(path, SKEP_TASK_EXECUTING);
  sqlite::SqliteQueue queue(sqlite_config(path));
  queue.start(no_limit);
  std::size_t found = 0;
  queue.overdue(no_limit, 0, "w1", "another process",
                {&found, [](void* to, const skep_queue_task*) -> skep_rc {
                   ++*static_cast<std::size_t*>(to);
                   return SKEP_OK;
                 }});
  EXPECT_EQ(found, 1'000u) << "of 30,000";
  queue.stop(no_limit);
}

TEST(SqliteQueue, a_list_that_takes_too_long_ends) {  // N12
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open_queue(path).reset();
  fill(path, SKEP_TASK_EXECUTING);
  sqlite::SqliteQueue patient(sqlite_config(path));
  patient.start(no_limit);
  EXPECT_TRUE(listed(patient, SKEP_TASK_EXECUTING, "v").empty());
  patient.stop(no_limit);
  sqlite::SqliteQueue queue(sqlite_config(path), std::chrono::milliseconds{0});
  queue.start(no_limit);
  try {
    listed(queue, SKEP_TASK_EXECUTING, "v");
    FAIL() << "30,000 rows were looked at";
  } catch (const Fault& fault) {
    EXPECT_EQ(fault.code(), SKEP_E_DEADLINE) << fault.what();
  }
  EXPECT_EQ(listed(queue, SKEP_TASK_EXECUTING).size(), 3u) << "the reader serves others";
  queue.stop(no_limit);
}

TEST(SqliteQueue, a_count_that_takes_too_long_ends) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open_queue(path).reset();
  fill(path, SKEP_TASK_EXECUTING);
  const auto counted = [](sqlite::SqliteQueue& queue) {
    std::int64_t tasks = 0;
    queue.stats(no_limit, {&tasks,
                           [](void* to, std::uint32_t, skep_view, skep_view, std::int64_t count,
                              std::int64_t) -> skep_rc {
                             *static_cast<std::int64_t*>(to) += count;
                             return SKEP_OK;
                           }});
    return tasks;
  };
  sqlite::SqliteQueue patient(sqlite_config(path));
  patient.start(no_limit);
  EXPECT_EQ(counted(patient), 30'000);
  patient.stop(no_limit);
  sqlite::SqliteQueue queue(sqlite_config(path), std::chrono::milliseconds{0});
  queue.start(no_limit);
  try {
    counted(queue);
    FAIL() << "30,000 rows were counted";
  } catch (const Fault& fault) {
    EXPECT_EQ(fault.code(), SKEP_E_DEADLINE) << fault.what();
  }
  queue.stop(no_limit);
}

TEST(SqliteQueue, no_index_makes_a_write_fill_a_table_of_constants) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open_queue(path).reset();
  EXPECT_EQ(RawFile(path).run("SELECT name FROM sqlite_schema WHERE type = 'index'"
                              " AND sql LIKE '% IN (%'"),
            "");
}

TEST(SqliteQueue, forgets_lanes_without_tasks_and_still_requeues_theirs) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  {
    const auto queue = open_queue(path, "normal");
    std::vector<model::Task> tasks;
    for (int i = 0; i < 400; ++i) {
      tasks.push_back(task_named("t" + std::to_string(i)));
      tasks.back().spec.site = "site-" + std::to_string(i);
    }
    ASSERT_TRUE(queue->enqueue(1, tasks));
    for (int i = 0; i < 399; ++i)
      ASSERT_TRUE(queue->cancel(2, tasks[static_cast<std::size_t>(i)].id, "{}"));
    ASSERT_TRUE(queue->tick(3, 3));
    ASSERT_EQ(*queue->requeue(4, "t5", ports::kAnyAttempt), ports::LeaseVerdict::kHeld);
    for (const char* site : {"site-5", "site-399"}) {
      const auto got = queue->claim(5, {{"w", "boot", site, {}, {"t"}}, 10, 1'000});
      ASSERT_TRUE(got);
      EXPECT_EQ(got->size(), 1u) << site;
    }
  }
  EXPECT_EQ(RawFile(path).run("SELECT count(*) FROM lanes"), "2\n");
}

}  // namespace
}  // namespace skep::test
