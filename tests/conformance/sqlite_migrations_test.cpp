// Files that an earlier version filled: today's code opens them and finds everything.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "core/base/id.hpp"
#include "plugins/sqlite/task_rows.hpp"
#include "tests/conformance/queue_sqlite.hpp"

namespace skep::test {
namespace {

constexpr const char* kSchema =
    "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";

/// A task in each state, each with what comes along, as version 1 wrote them.
std::string filling() {
  std::string sql =
      "INSERT INTO lanes VALUES (1, 't', 's', '', '[\"docker\"]');"
      "INSERT INTO orphan_results VALUES (1, 'ko', 'h', 'gone', 1, 'l', 'w', 'i', 0, 7, 'no such "
      "task', '{}', '');";
  for (int state = 0; state <= 8; ++state) {
    const std::string n = std::to_string(state + 1);
    const std::string completion = state >= 5 ? n : "0";
    sql += "INSERT INTO worker_tasks VALUES (" + n + ", 'task" + n + "', " + std::to_string(state) +
           ", 1, 4, 't', 's', '', '[\"docker\"]', 'key" + n +
           "', 5, 1000, 10, 20, 9000000000000, 2, 1, 1, " +
           (state >= 2 && state <= 4 ? "500" : "0") + ", 100, 200, 300, " + completion +
           ", 'w', 'i', 'lease" + n + "', '{\"r\":1}', '');";
    sql += "INSERT INTO task_params VALUES (" + n + ", '{\"p\":" + n + "}');";
    sql += "INSERT INTO task_attempts VALUES (" + n + ", 2, 'w', 'i', 'lease" + n +
           "', 100, 200, 300, 'succeeded', '', '', 0);";
    sql += "INSERT INTO worker_results VALUES (" + n + ", 'res" + n + "', 'h', 'task" + n +
           "', 2, 'w', 0, 0, 400, '', '');";
    if (state < 5) continue;
    sql += "INSERT INTO completions VALUES (" + n + ", " + n + ");";
    sql += "INSERT INTO ended_tasks VALUES (" + std::to_string(100 + state) + ", " + n +
           ", 6, 0, 0, 1, 1, 0, 0, 1, 2, 3, 'w', 'i', 'l', '', '{}');";
  }
  return sql;
}

/// Every column that version 1 has, of every row.
std::string contents(RawFile& file) {
  return file.run(
      "SELECT * FROM lanes; SELECT seq, id, state, lane_id, priority, type, site, target_worker, "
      "requirements, idempotency_key, max_attempts, timeout_ms, created_ms, run_at_ms, expires_ms, "
      "attempt, tries_used, crash_count, lease_expires_ms, claimed_ms, started_ms, finished_ms, "
      "completion, worker_id, incarnation, lease_id, result, error FROM worker_tasks ORDER BY seq; "
      "SELECT * FROM task_params ORDER BY seq; SELECT * FROM task_attempts ORDER BY seq; "
      "SELECT * FROM worker_results ORDER BY result_id; SELECT * FROM orphan_results; "
      "SELECT * FROM completions ORDER BY sequence; SELECT * FROM ended_tasks ORDER BY sequence");
}

void make_queue_file(RawFile& file, std::size_t version) {
  for (std::size_t v = 0; v < version; ++v) {
    file.run(sqlite::kQueueMigrations[v]);
    if (v == 0) file.run(filling());
  }
  file.run("PRAGMA application_id = " + std::to_string(0x534b5051) +
           "; PRAGMA user_version = " + std::to_string(version));
}

TEST(SqliteMigrations, what_is_in_files_of_others_is_never_changed) {
  constexpr std::array<std::string_view, 3> kOfOthers{
      "8448f705addf05c7d150db349a376bbdd7f15b2f72be1c14d8caf843cfc6717f",
      "aac6bda81e10794074e4116850d6bee2704857bca533b0dbabae6b1b226385dc",
      "23aba21748b76aa0513260bfcf8aca3c5dd2eaf82393caa6ab6c1b11f04cf3d6"};
  ASSERT_GE(sqlite::kQueueMigrations.size(), kOfOthers.size());
  for (std::size_t v = 0; v < kOfOthers.size(); ++v)
    EXPECT_EQ(sha256_hex(sqlite::kQueueMigrations[v]), kOfOthers[v]) << "add a version instead";
}

TEST(SqliteMigrations, bring_a_filled_queue_up_to_date) {
  const TempDir dir;
  ASSERT_TRUE(open_sqlite_queue(sqlite_config(dir.file("fresh.db"))));
  const std::string fresh = RawFile(dir.file("fresh.db")).run(kSchema);
  for (std::size_t version = 1; version <= sqlite::kQueueMigrations.size(); ++version) {
    SCOPED_TRACE("version " + std::to_string(version));
    const std::string path = dir.file("queue" + std::to_string(version) + ".db");
    std::string before;
    {
      RawFile file(path);
      make_queue_file(file, version);
      before = contents(file);
    }
    {
      const auto queue = open_sqlite_queue(sqlite_config(path));
      ASSERT_TRUE(queue) << queue.error().message;
      ports::TaskQuery all;
      const auto tasks = (*queue)->read(all);
      ASSERT_TRUE(tasks);
      ASSERT_EQ(tasks->size(), 9u);
      EXPECT_EQ(tasks->back().spec.params, R"({"p":1})");
      EXPECT_EQ((*queue)->completions(0, 100)->size(), 8u);
      EXPECT_EQ((*queue)->attempts("task3")->at(0).lease_id, "lease3");
      EXPECT_EQ((*queue)->stats()->size(), 9u);
    }
    RawFile file(path);
    EXPECT_EQ(contents(file), before);
    EXPECT_EQ(file.run(kSchema), fresh) << "tables and indexes are those of a new file";
    EXPECT_EQ(file.run("PRAGMA integrity_check"), "ok\n");
    EXPECT_EQ(file.run("PRAGMA user_version"),
              std::to_string(sqlite::kQueueMigrations.size()) + "\n");
  }
}

TEST(SqliteMigrations, give_each_alternative_of_a_requirement_its_whole_name) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  {
    RawFile file(path);
    make_queue_file(file, 3);
    file.run(
        "UPDATE worker_tasks SET requirements = '[\"gpu\",\"params:a|b\"]' WHERE id = 'task1'; "
        "UPDATE lanes SET requirements = '[\"params:a|b\"]' WHERE lane_id = 1");
  }
  ASSERT_TRUE(open_sqlite_queue(sqlite_config(path)));
  RawFile file(path);
  EXPECT_EQ(file.run("SELECT requirements FROM worker_tasks WHERE id = 'task1'"),
            "[\"gpu\",\"params:a|params:b\"]\n");
  EXPECT_EQ(file.run("SELECT requirements FROM lanes WHERE lane_id = 1"),
            "[\"params:a|params:b\"]\n");
}

}  // namespace
}  // namespace skep::test
