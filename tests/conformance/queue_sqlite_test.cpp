// What only the SQLite queue promises: crashes, full disks, damaged and foreign files, two owners.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "core/base/fd.hpp"
#include "core/base/text.hpp"
#include "plugins/sqlite/queue.hpp"
#include "tests/support/sqlite_components.hpp"
#include "tests/support/temp_dir.hpp"

extern char** environ;

namespace skep::test {
namespace {

std::unique_ptr<ports::Queue> open(const std::string& path, const std::string& sync = "full") {
  auto queue = open_sqlite_queue(sqlite_config(path, sync));
  if (!queue) throw std::runtime_error(queue.error().message);
  return std::move(*queue);
}

model::Task task_named(const std::string& id, std::size_t bytes = 0) {
  model::Task task;
  task.id = id;
  task.spec.type = "t";
  if (bytes > 0) task.spec.params = R"({"x":")" + std::string(bytes, 'x') + "\"}";
  return task;
}

/// Runs SQL on the file from outside; returns the first column of the last row.
std::string outside(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  std::string out;
  char* error = nullptr;
  const int rc = sqlite3_exec(
      db, sql.c_str(),
      [](void* to, int, char** values, char**) {
        *static_cast<std::string*>(to) = values[0] != nullptr ? values[0] : "";
        return 0;
      },
      &out, &error);
  EXPECT_EQ(rc, SQLITE_OK) << (error != nullptr ? error : "");
  sqlite3_free(error);
  sqlite3_close(db);
  return out;
}

/// Starts the crash writer and kills it after `lines` acknowledgements; returns all it printed.
std::vector<std::string> run_until_killed(const std::string& db, int round, int lines) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  std::string program = SKEP_CRASH_WRITER;
  std::string path = db;
  std::string name = "r" + std::to_string(round);
  char* const argv[] = {program.data(), path.data(), name.data(), nullptr};
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, program.c_str(), &actions, nullptr, argv, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  writer.reset();

  std::string text;
  char buffer[512];
  bool killed = false;
  for (ssize_t n = 0; (n = read(reader.get(), buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
    if (!killed && std::count(text.begin(), text.end(), '\n') >= lines) {
      kill(pid, SIGKILL);
      killed = true;
    }
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << status;
  std::vector<std::string> out = split(text, '\n');
  out.pop_back();  // what follows the last newline: nothing, or half a line
  return out;
}

TEST(SqliteQueue, keeps_what_it_acknowledged_when_killed_at_any_point) {  // C1
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::map<std::string, bool> acknowledged;  // id -> completed
  for (int round = 0; round < 20; ++round) {
    for (const std::string& line :
         run_until_killed(path, round, 1 + static_cast<int>(random() % 300))) {
      const std::string id = line.substr(2);
      acknowledged[id] = acknowledged[id] || line[0] == 'c';
    }
    const auto queue = open(path);
    std::set<std::string> completed;
    const auto completions = queue->completions(0, 1'000'000);
    ASSERT_TRUE(completions);
    for (const auto& c : *completions)
      ASSERT_TRUE(completed.insert(c.task.id).second) << c.task.id << " completed twice";
    for (const auto& [id, done] : acknowledged) {
      ports::TaskQuery query;
      query.id = id;
      const auto rows = queue->read(query);
      ASSERT_TRUE(rows);
      ASSERT_EQ(rows->size(), 1u) << id << " is lost";
      if (done) {
        ASSERT_EQ(rows->front().state, model::TaskState::kSucceeded) << id;
        ASSERT_TRUE(completed.contains(id)) << id;
      }
    }
  }
  EXPECT_GT(acknowledged.size(), 100u);
  EXPECT_EQ(outside(path, "PRAGMA integrity_check"), "ok");
}

TEST(SqliteQueue, a_drain_wakes_those_who_wait_until_its_deadline) {
  const TempDir dir;
  sqlite::SqliteQueue queue(sqlite_config(dir.file("q.db")));
  queue.start();
  std::uint64_t token = 0;
  queue.wait(0, token);
  using Clock = std::chrono::steady_clock;
  const auto waited = [&](std::chrono::milliseconds timeout) {
    const auto began = Clock::now();
    queue.wait(timeout.count(), token);
    return Clock::now() - began;
  };
  const auto drain_until = [&](Clock::time_point when) {
    queue.drain(std::chrono::nanoseconds(when.time_since_epoch()).count());
  };
  drain_until(Clock::now() + std::chrono::hours(1));
  EXPECT_LT(waited(std::chrono::minutes(10)), std::chrono::minutes(5));
  drain_until(Clock::now());
  EXPECT_GE(waited(std::chrono::milliseconds(50)), std::chrono::milliseconds(50))
      << "whoever calls after the deadline was not drained";
  queue.stop();
}

/// Claims the task "a" and fails it, to be tried again after a second.
void fail_once(ports::Queue& queue, WallMs now) {
  ports::ClaimFilter filter;
  filter.worker = {"w", "i", "", {}, {"t"}};
  const auto claimed = queue.claim(now, filter);
  ASSERT_TRUE(claimed);
  ASSERT_EQ(claimed->size(), 1u);
  ports::ResultRecord failed;
  failed.idempotency_key = "k" + std::to_string(claimed->front().attempt);
  failed.lease = {"a", claimed->front().attempt, claimed->front().lease_id};
  failed.worker_id = "w";
  failed.outcome.kind = model::OutcomeKind::kFailed;
  failed.retry_delay_ms = 1'000;
  ASSERT_TRUE(queue.complete(now, {&failed, 1}));
}

TEST(SqliteQueue, a_retry_keeps_its_delay_when_the_clock_was_set_back_while_it_was_down) {
  constexpr WallMs kNow = 1'768'000'000'000;
  constexpr WallMs kAhead = kNow + 10 * 86'400'000LL;
  const TempDir dir;
  const auto start = [&] { return open(dir.file("queue.db")); };
  model::Task named = task_named("named");
  named.spec.run_at_ms = kAhead;
  {
    const auto queue = start();
    const std::vector<model::Task> tasks{task_named("a"), named};
    ASSERT_TRUE(queue->enqueue(kAhead - 5'000, tasks));
    ASSERT_TRUE(queue->tick(kAhead - 4'000));
    fail_once(*queue, kAhead - 3'000);
  }
  const auto queue = start();
  ASSERT_TRUE(queue->tick(0)) << "it only looks";
  EXPECT_EQ(queue->tick(kNow).value(), kNow + 1'000);
  EXPECT_EQ(queue->tick(kNow + 1'000).value(), kAhead) << "a person named that instant";
  fail_once(*queue, kNow + 1'000);
  EXPECT_EQ(queue->tick(kNow + 1'500).value(), kNow + 2'000) << "nothing is ahead any more";
}

TEST(SqliteQueue, a_drain_wakes_those_who_wait_already) {
  const TempDir dir;
  sqlite::SqliteQueue queue(sqlite_config(dir.file("q.db")));
  queue.start();
  using Clock = std::chrono::steady_clock;
  for (int round = 0; round < 20; ++round) {  // in most of them the other one does wait
    queue.drain(0);
    std::atomic<bool> begun{false};
    Clock::duration took{};
    std::thread other([&] {
      std::uint64_t token = 0;
      queue.wait(0, token);
      const auto began = Clock::now();
      begun = true;
      queue.wait(120'000, token);
      took = Clock::now() - began;
    });
    while (!begun) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    queue.drain(INT64_MAX);
    other.join();
    ASSERT_LT(took, std::chrono::minutes(1));
  }
}

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
  queue.read(query, rows);
  return out;
}

/// 30,000 tasks that `w1` has in that state, half of them of another type than "t".
void fill(const std::string& path, int state) {
  const std::string n =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000)";
  outside(path,
          n +
              " INSERT INTO worker_tasks (seq, id, state, lane_id, priority, type, site,"
              " target_worker, requirements, max_attempts, timeout_ms, created_ms, run_at_ms,"
              " expires_ms, worker_id) SELECT i, 'id' || i, " +
              std::to_string(state) +
              ", 0, 5, CASE WHEN i % 2 THEN 'u' ELSE 't' END,"
              " CASE WHEN i % 1000 THEN 'a' ELSE 'b' END, '', '', 5, 0, 1, 0, 0, 'w1' FROM n");
  outside(path, n + " INSERT INTO task_params SELECT i, '{}' FROM n");
}

TEST(SqliteQueue, lists_of_one_worker_read_no_more_rows_than_they_give) {  // N12
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open(path).reset();
  fill(path, SKEP_TASK_SUCCEEDED);
  sqlite::SqliteQueue queue(sqlite_config(path), std::chrono::milliseconds{0});
  queue.start();
  using Numbers = std::vector<std::int64_t>;
  EXPECT_EQ(listed(queue, SKEP_TASK_SUCCEEDED), (Numbers{30'000, 29'999, 29'998}));
  EXPECT_EQ(listed(queue, SKEP_TASK_SUCCEEDED, "u"), (Numbers{29'999, 29'997, 29'995}));
  EXPECT_EQ(listed(queue, SKEP_TASK_SUCCEEDED, "t", "b"), (Numbers{30'000, 29'000, 28'000}));
  EXPECT_EQ(listed(queue, SKEP_TASK_SUCCEEDED, "u", "b"), Numbers{});
  EXPECT_EQ(listed(queue, SKEP_TASK_FAILED), Numbers{});
  queue.stop();
}

TEST(SqliteQueue, what_is_overdue_comes_in_portions) {  // N15
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open(path).reset();
  fill(path, SKEP_TASK_EXECUTING);
  sqlite::SqliteQueue queue(sqlite_config(path));
  queue.start();
  std::size_t found = 0;
  queue.overdue(0, "w1", "another process",
                {&found, [](void* to, const skep_queue_task*) -> skep_rc {
                   ++*static_cast<std::size_t*>(to);
                   return SKEP_OK;
                 }});
  EXPECT_EQ(found, 1'000u) << "of 30,000";
  queue.stop();
}

TEST(SqliteQueue, a_list_that_takes_too_long_ends) {  // N12
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open(path).reset();
  fill(path, SKEP_TASK_EXECUTING);
  sqlite::SqliteQueue patient(sqlite_config(path));
  patient.start();
  EXPECT_TRUE(listed(patient, SKEP_TASK_EXECUTING, "v").empty());
  patient.stop();
  sqlite::SqliteQueue queue(sqlite_config(path), std::chrono::milliseconds{0});
  queue.start();
  try {
    listed(queue, SKEP_TASK_EXECUTING, "v");
    FAIL() << "30,000 rows were looked at";
  } catch (const Fault& fault) {
    EXPECT_EQ(fault.code(), SKEP_E_DEADLINE) << fault.what();
  }
  EXPECT_EQ(listed(queue, SKEP_TASK_EXECUTING).size(), 3u) << "the reader serves others";
  queue.stop();
}

TEST(SqliteQueue, refuses_a_second_owner_by_name) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  auto first = open(path);
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
  open(path).reset();
  outside(path, "PRAGMA user_version = 99");
  const auto r = open_sqlite_queue(sqlite_config(path));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kState);
  EXPECT_NE(r.error().message.find("schema version 99"), std::string::npos) << r.error().message;
  EXPECT_EQ(outside(path, "PRAGMA user_version"), "99");
}

TEST(SqliteQueue, no_index_makes_a_write_fill_a_table_of_constants) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  open(path).reset();
  EXPECT_EQ(outside(path,
                    "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'index'"
                    " AND sql LIKE '% IN (%'"),
            "");
}

TEST(SqliteQueue, refuses_a_database_of_something_else) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  outside(path, "CREATE TABLE mine (x); PRAGMA user_version = 3");
  const auto r = open_sqlite_queue(sqlite_config(path));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kConfig);
  EXPECT_EQ(outside(path, "PRAGMA user_version"), "3");
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
  open(path).reset();
  outside(path, "DROP TABLE worker_tasks");
  auto queue = open_sqlite_queue(sqlite_config(path));
  const Error error = queue ? (*queue)->read({}).error() : queue.error();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_NE(error.message.find("no such table"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("backup"), std::string::npos) << error.message;
}

TEST(SqliteQueue, takes_nothing_while_its_file_is_moved_away) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  auto queue = open(path);
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
  const auto queue = open(path);
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
  open(path).reset();
  std::ofstream(path + "-wal").flush();  // left behind by a process that was killed
  std::ofstream(path + "-shm").flush();
  for (const char* file : {"", "-wal", "-shm"}) ASSERT_EQ(chmod((path + file).c_str(), 0644), 0);
  const auto queue = open(path);
  const model::Task task = task_named("a");
  ASSERT_TRUE(queue->enqueue(1, {&task, 1}));
  EXPECT_EQ(modes_of(path), "600 600 600");
}

TEST(SqliteQueue, a_log_that_is_deleted_takes_nothing_along) {  // B5
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  auto queue = open(path);
  const model::Task first = task_named("first");
  const model::Task second = task_named("second");
  ASSERT_TRUE(queue->enqueue(1, {&first, 1}));
  ASSERT_TRUE(std::filesystem::remove(path + "-wal"));
  const auto refused = queue->enqueue(1, {&second, 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_NE(refused.error().message.find("moved or deleted"), std::string::npos);
  const model::Lease nobodys{"nobody", 1, "x"};
  EXPECT_FALSE(queue->release(1, {&nobodys, 1})) << "what readiness asks";
  // As after kill -9: the file alone.
  std::filesystem::copy_file(path, dir.file("copy.db"));
  auto copy = open(dir.file("copy.db"));
  const auto kept = copy->read({});
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 1u);
  EXPECT_EQ(kept->front().id, "first");
}

TEST(SqliteQueue, a_log_that_is_deleted_is_in_the_file_only_when_all_of_it_is) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  auto queue = open(path);
  const auto message = [&queue](const std::string& id) {
    const model::Task task = task_named(id);
    const auto done = queue->enqueue(1, {&task, 1});
    return done ? "taken" : done.error().message;
  };
  ASSERT_EQ(message("first"), "taken");
  sqlite3* reader = nullptr;  // what it sees may not be written over
  ASSERT_EQ(sqlite3_open(path.c_str(), &reader), SQLITE_OK);
  const char* look = "BEGIN; SELECT count(*) FROM worker_tasks";
  ASSERT_EQ(sqlite3_exec(reader, look, nullptr, nullptr, nullptr), SQLITE_OK);
  ASSERT_EQ(message("second"), "taken");
  ASSERT_TRUE(std::filesystem::remove(path + "-wal"));
  EXPECT_NE(message("third").find("put it back"), std::string::npos);
  ASSERT_EQ(sqlite3_exec(reader, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_NE(message("third").find("is in the database"), std::string::npos);
  std::filesystem::copy_file(path, dir.file("copy.db"));
  EXPECT_EQ(outside(dir.file("copy.db"), "SELECT count(*) FROM worker_tasks"), "2");
  sqlite3_close(reader);
}

TEST(SqliteQueue, knows_that_a_reader_has_read_another_file) {  // B8
  const TempDir dir;
  auto queue = open(dir.file("queue.db"));
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

/// No file of this process may grow beyond the limit: to SQLite, a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    old_handler_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int) = SIG_DFL;
};

TEST(SqliteQueue, refuses_on_a_full_disk_and_goes_on_when_there_is_space) {  // C9
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  const auto queue = open(path);
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

TEST(SqliteQueue, writes_nothing_when_a_claim_finds_nothing) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  const auto queue = open(path);
  std::vector<model::Task> tasks;
  for (int i = 0; i < 10; ++i) {
    tasks.push_back(task_named("t" + std::to_string(i)));
    tasks.back().spec.site = "elsewhere";
  }
  ASSERT_TRUE(queue->enqueue(1, tasks));
  const model::WorkerProfile by{"w", "boot", "here", {}, {"t"}};
  const auto wal = std::filesystem::file_size(path + "-wal");
  const auto written = std::filesystem::last_write_time(path + "-wal");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(queue->claim(2, {by, 8, 1'000})->empty());
  EXPECT_EQ(std::filesystem::file_size(path + "-wal"), wal);
  EXPECT_EQ(std::filesystem::last_write_time(path + "-wal"), written);
}

TEST(SqliteQueue, forgets_lanes_without_tasks_and_still_requeues_theirs) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  {
    const auto queue = open(path, "normal");
    std::vector<model::Task> tasks;
    for (int i = 0; i < 400; ++i) {
      tasks.push_back(task_named("t" + std::to_string(i)));
      tasks.back().spec.site = "site-" + std::to_string(i);
    }
    ASSERT_TRUE(queue->enqueue(1, tasks));
    for (int i = 0; i < 399; ++i)
      ASSERT_TRUE(queue->cancel(2, tasks[static_cast<std::size_t>(i)].id, "{}"));
    ASSERT_TRUE(queue->tick(3));
    ASSERT_EQ(*queue->requeue(4, "t5"), ports::LeaseVerdict::kHeld);
    for (const char* site : {"site-5", "site-399"}) {
      const auto got = queue->claim(5, {{"w", "boot", site, {}, {"t"}}, 10, 1'000});
      ASSERT_TRUE(got);
      EXPECT_EQ(got->size(), 1u) << site;
    }
  }
  EXPECT_EQ(outside(path, "SELECT count(*) FROM lanes"), "2");
}

TEST(SqliteQueue, combines_concurrent_writes_without_losing_any) {
  const TempDir dir;
  const auto queue = open(dir.file("queue.db"));
  std::atomic<int> stored = 0;
  {
    std::vector<std::jthread> threads;
    for (int who = 0; who < 16; ++who)
      threads.emplace_back([&, who] {
        for (int k = 0; k < 25; ++k) {
          const model::Task task = task_named("w" + std::to_string(who) + "-" + std::to_string(k));
          stored += queue->enqueue(1, {&task, 1}) ? 1 : 0;
        }
      });
  }
  EXPECT_EQ(stored, 400);
  ports::TaskQuery all;
  all.limit = 1'000;
  EXPECT_EQ(queue->read(all)->size(), 400u);
}

}  // namespace
}  // namespace skep::test
