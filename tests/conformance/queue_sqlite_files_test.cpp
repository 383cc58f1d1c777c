// The files of the SQLite queue: damaged and foreign ones, whose they are, two owners, full disks.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <set>

#include "tests/conformance/queue_sqlite.hpp"
#include "tests/support/resource_limits.hpp"

namespace skep::test {
namespace {

TEST(SqliteQueue, refuses_a_second_owner_by_name) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  auto first = open_queue(path);
  const auto second = open_sqlite_queue(sqlite_config(path));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kState);
  EXPECT_NE(second.error().message.find("in use by process " + std::to_string(getpid())),
            std::string::npos)
      << second.error().message;
  first.reset();
  EXPECT_TRUE(open_sqlite_queue(sqlite_config(path)));
}

TEST(SqliteQueue, refuses_a_newer_schema_and_leaves_it_alone) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open_queue(path).reset();
  RawFile(path).run("PRAGMA user_version = 99");
  const auto r = open_sqlite_queue(sqlite_config(path));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kState);
  EXPECT_NE(r.error().message.find("schema version 99"), std::string::npos) << r.error().message;
  EXPECT_EQ(RawFile(path).run("PRAGMA user_version"), "99\n");
}

TEST(SqliteQueue, refuses_a_database_of_something_else) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  RawFile(path).run("CREATE TABLE mine (x); PRAGMA user_version = 3");
  const auto r = open_sqlite_queue(sqlite_config(path));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kConfig);
  EXPECT_EQ(RawFile(path).run("PRAGMA user_version"), "3\n");
  const std::string store = dir.file("store.db");
  ASSERT_TRUE(open_sqlite_store(sqlite_config(store)));
  EXPECT_FALSE(open_sqlite_queue(sqlite_config(store)));
}

TEST(SqliteQueue, says_what_to_do_about_a_damaged_file) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  std::ofstream(path) << std::string(8'192, 'z');
  const auto r = open_sqlite_queue(sqlite_config(path));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kCorrupt);
  EXPECT_NE(r.error().message.find(path), std::string::npos) << r.error().message;
  EXPECT_NE(r.error().message.find("backup"), std::string::npos) << r.error().message;
}

TEST(SqliteQueue, calls_a_file_without_its_tables_damaged) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open_queue(path).reset();
  RawFile(path).run("DROP TABLE worker_tasks");
  auto queue = open_sqlite_queue(sqlite_config(path));
  const Error error = queue ? (*queue)->read({}).error() : queue.error();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_NE(error.message.find("no such table"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("backup"), std::string::npos) << error.message;
}

TEST(SqliteQueue, takes_nothing_while_its_file_is_moved_away) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  auto queue = open_queue(path);
  ASSERT_EQ(rename(path.c_str(), dir.file("aside").c_str()), 0);
  const model::Task task = task_named("a");
  const auto refused = queue->enqueue(1, {&task, 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_NE(refused.error().message.find("moved or deleted"), std::string::npos);
  ASSERT_EQ(rename(dir.file("aside").c_str(), path.c_str()), 0);
  EXPECT_TRUE(queue->enqueue(1, {&task, 1}));
}

TEST(SqliteStore, takes_nothing_while_a_file_of_it_is_moved_away) {
  const TempDir dir;
  const std::string path = dir.file("store.db");
  auto store = open_sqlite_store(sqlite_config(path));
  ASSERT_TRUE(store);
  const std::vector<std::string> schema{"CREATE TABLE t (x BIGINT)"};
  ASSERT_TRUE((*store)->migrate("test", schema));
  const ports::Statement insert{"INSERT INTO t (x) VALUES ($1)", {std::int64_t{1}}};
  for (const char* file : {"", "-wal"}) {
    ASSERT_EQ(rename((path + file).c_str(), dir.file("aside").c_str()), 0);
    const auto refused = (*store)->batch({&insert, 1});
    ASSERT_FALSE(refused) << file;
    EXPECT_EQ(refused.error().code, Code::kUnavailable);
    EXPECT_NE(refused.error().message.find("moved or deleted"), std::string::npos);
    ASSERT_EQ(rename(dir.file("aside").c_str(), (path + file).c_str()), 0);
    EXPECT_TRUE((*store)->batch({&insert, 1})) << file;
  }
}

/// "600 600 600" of the file, its log and the log's index.
std::string modes_of(const std::string& path) {
  std::string out;
  for (const char* file : {"", "-wal", "-shm"}) {
    struct stat found {};
    EXPECT_EQ(stat((path + file).c_str(), &found), 0) << path << file;
    std::array<char, 16> mode{};
    std::snprintf(mode.data(), mode.size(), "%s%o", out.empty() ? "" : " ", found.st_mode & 07777u);
    out += mode.data();
  }
  return out;
}

TEST(SqliteQueue, files_are_its_users_alone_whatever_the_umask) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  const mode_t before = umask(022);
  const auto queue = open_queue(path);
  const auto store = open_sqlite_store(sqlite_config(dir.file("store.db")));
  umask(before);
  ASSERT_TRUE(store);
  const model::Task task = task_named("a");
  ASSERT_TRUE(queue->enqueue(1, {&task, 1}));
  EXPECT_EQ(modes_of(path), "600 600 600");
  EXPECT_EQ(modes_of(dir.file("store.db")), "600 600 600");
}

TEST(SqliteQueue, files_of_an_earlier_version_become_its_users_alone) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open_queue(path).reset();
  std::ofstream(path + "-wal").flush();  // left behind by a process that was killed
  std::ofstream(path + "-shm").flush();
  for (const char* file : {"", "-wal", "-shm"}) ASSERT_EQ(chmod((path + file).c_str(), 0644), 0);
  const auto queue = open_queue(path);
  const model::Task task = task_named("a");
  ASSERT_TRUE(queue->enqueue(1, {&task, 1}));
  EXPECT_EQ(modes_of(path), "600 600 600");
}

TEST(SqliteQueue, knows_that_a_reader_has_read_another_file) {  // B8
  const TempDir dir;
  auto queue = open_queue(dir.file("queue.db"));
  EXPECT_TRUE(queue->completions(0, 1));
  const auto strange = queue->completions(7, 1);
  ASSERT_FALSE(strange);
  EXPECT_EQ(strange.error().code, Code::kCorrupt);

  // It has lost the newest completions: the next ones get higher numbers than were read.
  const model::Task task = task_named("a");
  ASSERT_TRUE(queue->enqueue(1, {&task, 1}));
  ASSERT_TRUE(queue->cancel(2, "a", "{}"));
  EXPECT_TRUE(queue->completions(7, 1)->empty());
  const model::Task other = task_named("b");
  ASSERT_TRUE(queue->enqueue(3, {&other, 1}));
  ASSERT_TRUE(queue->cancel(4, "b", "{}"));
  const auto next = queue->completions(7, 1);
  ASSERT_EQ(next->size(), 1u);
  EXPECT_EQ(next->front().sequence, 8);
}

TEST(SqliteQueue, names_a_missing_folder) {
  const auto r = open_sqlite_queue(sqlite_config("/nonexistent/queue.db"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kNotFound);
  EXPECT_NE(r.error().message.find("/nonexistent/queue.db"), std::string::npos);
}

TEST(SqliteQueue, answers_busy_while_another_program_writes) {  // Q24
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  auto queue = open_sqlite_queue(R"({"path":")" + path + R"(","busy_timeout_ms":20})");
  ASSERT_TRUE(queue);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const model::Task task = task_named("a");
  const auto refused = (*queue)->enqueue(1, {&task, 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kBusy);
  EXPECT_GT(refused.error().retry_after.count(), 0);
  EXPECT_TRUE((*queue)->read({})) << "readers do not wait";
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  EXPECT_TRUE((*queue)->enqueue(1, {&task, 1}));
}

TEST(SqliteQueue, refuses_on_a_full_disk_and_goes_on_when_there_is_space) {  // C9
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  const auto queue = open_queue(path);
  std::set<std::string> acknowledged;
  int refused = 0;
  {
    const FileSizeLimit limit(2u << 20);
    for (int i = 0; i < 100; ++i) {
      const model::Task task = task_named("t" + std::to_string(i), 60'000);
      const auto r = queue->enqueue(1, {&task, 1});
      if (r) {
        acknowledged.insert(task.id);
        continue;
      }
      ++refused;
      EXPECT_EQ(r.error().code, Code::kNoMemory) << r.error().message;
      EXPECT_NE(r.error().message.find("disk full"), std::string::npos) << r.error().message;
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(acknowledged.size(), 0u);
  const model::Task after = task_named("after", 60'000);
  EXPECT_TRUE(queue->enqueue(1, {&after, 1}));
  acknowledged.insert("after");
  ports::TaskQuery all;
  all.limit = 1'000;
  std::set<std::string> stored;
  const auto rows = queue->read(all);
  ASSERT_TRUE(rows);
  for (const auto& t : *rows) stored.insert(t.id);
  EXPECT_EQ(stored, acknowledged);
}

}  // namespace
}  // namespace skep::test
