// A store that an earlier version filled: today's features open it and find everything.
#include <algorithm>

#include "bundle.hpp"
#include "core/control/features.hpp"
#include "tests/support/sqlite_components.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::test {
namespace {

/// A row for each table, as it was when the table was made.
const std::vector<std::pair<std::string, std::string>> kRows{
    {"task_totals", "('echo', 'succeeded', 3, 4)"},
    {"events", "(1, 2, 'task.failed', 's', 'system', '{}')"},
    {"workers", "('w1', 's', '{}', 'active', 1, 2, '{}')"},
    {"worker_credentials", "('w1', 'h', '', 1)"},
    {"task_logs", "('t1', 1, 0, '{}', 5)"},
    {"worker_documents", "('w1', 'health', '{}', 5)"},
    {"task_type_versions", "('echo', 'abc', '1', '', '{}', 0, 1)"},
    {"settled_time", "('now', 5)"},
    {"artifact_releases", "(1, 'n', 'h', '{}', 'active', '', 1, 2, 3, 4, 5, 6)"},
    {"artifact_blobs", "('h', 1, 2)"},
    {"artifact_chunks", "('h', 0, 'd', 'x')"},
    {"task_artifacts", "('t', 1, 'n', 'text/plain', 3, 'h', 0)"},
    {"task_inputs", "('t', 'h', 1, 0)"},
    {"artifacts_home", "(1, 'id')"},
    {"cursors", ""},  // their migrations make the rows themselves
    {"event_sequence", ""},
    {"artifact_revision", ""}};

class MigrationsTest : public ControlTest {
 protected:
  std::vector<control::Migrations> lines() {
    std::vector<control::Migrations> out{{"reconciler", control::Reconciler::migrations()},
                                         {"settled_time", control::SettledTime::migrations()}};
    for (const auto& feature : control::make_features(control.platform(), config(), types()))
      for (control::Migrations& line : feature->migrations()) out.push_back(std::move(line));
    return out;
  }
  static std::vector<std::string> column(ports::Store& store, const std::string& sql) {
    std::vector<std::string> out;
    const auto rows = store.query({sql});
    EXPECT_TRUE(rows) << sql;
    if (rows)
      for (const auto& row : *rows) out.emplace_back(ports::as_text(row.at(0)));
    return out;
  }
  static std::vector<std::string> tables(ports::Store& store) {
    return column(store,
                  "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> "
                  "'skep_migrations' ORDER BY name");
  }
  static std::vector<std::string> schema(ports::Store& store) {
    return column(store, "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY type, name");
  }
  static std::int64_t count(ports::Store& store, const std::string& table) {
    const auto rows = store.query({"SELECT count(*) AS counted_by_a_test FROM " + table});
    return rows ? ports::as_int(rows->at(0).at(0)) : -1;
  }
  static const std::string& row_of(const std::string& table) {
    static const std::string none = "?";
    const auto found = std::find_if(kRows.begin(), kRows.end(),
                                    [&](const auto& row) { return row.first == table; });
    return found == kRows.end() ? none : found->second;
  }
};

TEST_F(MigrationsTest, of_each_line_bring_a_filled_store_up_to_date_from_wherever_it_stands) {
  const auto all = lines();
  std::size_t longest = 0;
  for (const auto& line : all) longest = std::max(longest, line.statements.size());
  for (std::size_t known = 1; known <= longest; ++known) {
    SCOPED_TRACE("each line up to version " + std::to_string(known));
    const TempDir dir;
    auto opened = open_sqlite_store(sqlite_config(dir.file("store.db"), "normal"));
    ASSERT_TRUE(opened);
    for (auto line : all) {
      line.statements.resize(std::min(known, line.statements.size()));
      ASSERT_TRUE((*opened)->migrate(line.name, line.statements)) << line.name;
    }
    const auto there = tables(**opened);
    for (const std::string& table : there) {
      ASSERT_NE(row_of(table), "?") << "give the new table " << table << " a row here";
      const ports::Statement fill{"INSERT INTO " + table + " VALUES " + row_of(table)};
      if (row_of(table).empty()) continue;
      ASSERT_TRUE((*opened)->batch({&fill, 1})) << table;
    }
    opened->reset();

    auto again = open_sqlite_store(sqlite_config(dir.file("store.db"), "normal"));
    ASSERT_TRUE(again);
    for (const auto& line : all)
      ASSERT_TRUE((*again)->migrate(line.name, line.statements)) << line.name;
    for (const std::string& table : there) EXPECT_EQ(count(**again, table), 1) << table;
    EXPECT_EQ(schema(**again), schema(store)) << "tables and indexes are those of a new store";
  }
}

}  // namespace
}  // namespace skep::test
