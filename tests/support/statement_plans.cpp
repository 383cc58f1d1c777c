// Linked into a test program that uses the SQLite components: each statement that the program ran
// is planned again at its end, and fails the program when it reads a table from end to end or sorts
// what an index could give in order. What may do so stands in kAllowed, with the reason.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace skep::test {
namespace {

struct Allowed {
  std::string_view statement;  ///< how it begins
  std::string_view step;       ///< how the step of its plan begins
  std::string_view reason;
};
constexpr Allowed kAllowed[] = {
    {"UPDATE worker_tasks SET requirements = replace", "SCAN worker_tasks", "once, in a migration"},
    {"UPDATE lanes SET requirements = replace", "SCAN lanes", "once, in a migration"},
    {"SELECT coalesce(sql, name) FROM sqlite_schema", "", "MigrationsTest looks at a whole schema"},
    {"SELECT name FROM sqlite_schema WHERE type = 'table'", "", "the same"},
    {"SELECT count(*) AS counted_by_a_test FROM", "", "the same"},
    {"SELECT count(*) FROM sqlite_schema", "SCAN sqlite_", "at a start"},
    {"SELECT seq FROM sqlite_sequence", "SCAN sqlite_sequence", "a row for each table"},
    {"UPDATE sqlite_sequence", "SCAN sqlite_sequence", "a row for each table"},
    {"SELECT lane_id, type, site, target_worker, requirements FROM lanes", "SCAN lanes",
     "at a start and after a roll-back; lanes are few"},
    {"DELETE FROM lanes WHERE lane_id NOT IN", "SCAN lanes", "when lanes have become many"},
    {"SELECT g.state, g.site, g.type, g.tasks",
     "SCAN worker_tasks USING COVERING INDEX tasks_counted", "counts everything"},
    {"SELECT g.state, g.site, g.type, g.tasks", "SCAN g", "the groups of it"},
    {"SELECT t.seq, t.id, t.type, t.site, t.target_worker, t.requirements, p.params",
     "UNION USING TEMP B-TREE", "overdue(): suspects and what a dead process held, both few"},
    {"SELECT t.seq, t.id, t.type, t.site, t.target_worker, t.requirements, p.params",
     "USE TEMP B-TREE FOR ORDER BY", "claim_again(): what one worker holds, by priority"},
    {"DELETE FROM worker_results WHERE received_ms", "SCAN worker_results",
     "from its oldest row on, as many as are asked for"},
    {"DELETE FROM orphan_results WHERE received_ms", "SCAN orphan_results", "the same"},
    {"SELECT registration, mode", "SCAN workers", "at a start"},
    {"SELECT learned_ms, type", "SCAN task_type_versions", "at a start"},
    {"SELECT worker_id, hash, former, issued_ms FROM worker_credentials", "SCAN worker_credentials",
     "at a start"},
    {"SELECT sequence, at_ms FROM events ORDER BY sequence LIMIT", "SCAN events",
     "from its oldest row on, as many as are asked for"},
    {"SELECT type, outcome, count", "SCAN task_totals", "a row for each type and outcome"},
    {"SELECT newest FROM event_sequence", "SCAN event_sequence", "has one row"},
    {"UPDATE event_sequence SET newest", "SCAN event_sequence", "has one row"},
    {"INSERT INTO events ", "SCAN event_sequence", "has one row"},
    {"SELECT id, name, sha256, document, state, reason", "SCAN artifact_releases",
     "all releases are kept in memory; there are few"},
    {"DELETE FROM artifact_", "SCAN artifact_",
     "at a publication; releases and their blobs are few"},
    {"SELECT sha256, touched_ms FROM artifact_blobs", "SCAN artifact_",
     "each ten minutes; the same"},
    {"SELECT revision FROM artifact_revision", "SCAN artifact_revision", "has one row"},
    {"UPDATE artifact_revision SET revision", "SCAN artifact_revision", "has one row"},
    {"SELECT attempt, name, media_type, size, sha256, received_ms FROM task_artifacts",
     "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY", "the names of one attempt, at most 64"},
    // Statements of tests.
    {"SELECT sequence, at_ms, kind, subject, actor, fields FROM events ORDER BY sequence",
     "SCAN events", "a test reads them all"},
    {"SELECT count(*) FROM artifact_", "SCAN artifact_", "a test counts"},
    {"SELECT * FROM worker_credentials", "SCAN worker_credentials", "a test looks"},
    {"SELECT former FROM worker_credentials", "SCAN worker_credentials", "a test looks"},
    {"SELECT hash FROM worker_credentials", "SCAN worker_credentials", "a test looks"},
    {"SELECT 1 FROM worker_credentials", "SCAN worker_credentials", "a test looks"},
    {"UPDATE artifact_chunks SET data = 'YQ=='", "SCAN artifact_chunks", "a test does damage"},
    {"UPDATE cursors SET sequence = sequence", "SCAN cursors", "a test goes back"},
};

std::mutex mutex;
std::vector<std::string> made;     // CREATE .. and DROP .. in their order
std::set<std::string> statements;  // everything else that has a plan

bool begins(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.starts_with(word); });
}

int on_statement(unsigned, void*, void*, void* text) {
  std::string_view sql = static_cast<const char*>(text);
  sql.remove_prefix(std::min(sql.size(), sql.find_first_not_of(" \t\r\n")));
  const std::lock_guard lock(mutex);
  if (begins(sql, {"CREATE ", "DROP "})) {
    if (std::find(made.begin(), made.end(), sql) == made.end()) made.emplace_back(sql);
  } else if (begins(sql, {"SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "})) {
    statements.emplace(sql);
  }
  return 0;
}

int on_open(sqlite3* db, const char**, const sqlite3_api_routines*) {
  return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, nullptr);
}

bool is_costly(std::string_view sql, std::string_view step) {
  const auto has = [](std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
  };
  const bool scans = step.starts_with("SCAN ") && !has(step, "CONSTANT ROW");
  // From one end on, until enough rows have another property.
  const bool seeks = has(step, "PRIMARY KEY (rowid<?)") || has(step, "PRIMARY KEY (rowid>?)");
  return scans || has(step, "TEMP B-TREE") || (seeks && has(sql, " = ?"));
}

bool is_allowed(std::string_view sql, std::string_view step) {
  return std::any_of(std::begin(kAllowed), std::end(kAllowed), [&](const Allowed& a) {
    return sql.starts_with(a.statement) && step.starts_with(a.step);
  });
}

class StatementPlans final : public testing::Environment {
 public:
  void SetUp() override { sqlite3_auto_extension(reinterpret_cast<void (*)()>(on_open)); }
  void TearDown() override {
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(on_open));
    const std::lock_guard lock(mutex);
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(":memory:", &db), SQLITE_OK);
    for (const std::string& sql : made) sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
    for (const std::string& sql : statements) check(db, sql);
    sqlite3_close(db);
  }

 private:
  /// A test may have used a table that others of the program do not have: those are skipped.
  static void check(sqlite3* db, const std::string& sql) {
    sqlite3_stmt* plan = nullptr;
    sqlite3_prepare_v2(db, ("EXPLAIN QUERY PLAN " + sql).c_str(), -1, &plan, nullptr);
    while (plan != nullptr && sqlite3_step(plan) == SQLITE_ROW) {
      const std::string step = reinterpret_cast<const char*>(sqlite3_column_text(plan, 3));
      if (is_costly(sql, step) && !is_allowed(sql, step))
        ADD_FAILURE() << step << "\n  in " << sql.substr(0, 300);
    }
    sqlite3_finalize(plan);
  }
};

const auto* const environment = testing::AddGlobalTestEnvironment(new StatementPlans);

}  // namespace
}  // namespace skep::test
