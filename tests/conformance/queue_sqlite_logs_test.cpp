// What the SQLite queue keeps in a crash and without its log, and what clocks, drains and writers
// at the same time do to it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "core/base/fd.hpp"
#include "core/base/text.hpp"
#include "plugins/sqlite/queue.hpp"
#include "skep/testkit.hpp"
#include "tests/conformance/queue_sqlite.hpp"

extern char** environ;

namespace skep::test {
namespace {

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
  for (ssize_t n = 0; (n = ::read(reader.get(), buffer, sizeof(buffer))) > 0;) {
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
    const auto queue = open_queue(path);
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
  EXPECT_EQ(RawFile(path).run("PRAGMA integrity_check"), "ok\n");
}

TEST(SqliteQueue, a_drain_wakes_those_who_wait_until_its_deadline) {
  const TempDir dir;
  sqlite::SqliteQueue queue(sqlite_config(dir.file("q.db")));
  Call no_limit;
  queue.start(no_limit);
  std::uint64_t token = 0;
  queue.wait(no_limit, 0, token);
  const auto waited = [&](std::chrono::milliseconds timeout) {
    const auto began = Call::Clock::now();
    queue.wait(no_limit, timeout.count(), token);
    return Call::Clock::now() - began;
  };
  testkit::Call an_hour(3'600'000);
  Call drain(an_hour.handle());
  queue.drain(drain);
  EXPECT_LT(waited(std::chrono::minutes(10)), std::chrono::minutes(5));
  testkit::Call over(1);
  Call late(over.handle());
  EXPECT_FALSE(late.wait_until(INT64_MAX));
  queue.drain(late);
  EXPECT_GE(waited(std::chrono::milliseconds(50)), std::chrono::milliseconds(50))
      << "whoever calls after the deadline was not drained";
  queue.stop(no_limit);
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
  const auto start = [&] { return open_queue(dir.file("queue.db")); };
  model::Task named = task_named("named");
  named.spec.run_at_ms = kAhead;
  {
    const auto queue = start();
    const std::vector<model::Task> tasks{task_named("a"), named};
    ASSERT_TRUE(queue->enqueue(kAhead - 5'000, tasks));
    ASSERT_TRUE(queue->tick(kAhead - 4'000, 1'000));
    fail_once(*queue, kAhead - 3'000);
  }
  const auto queue = start();
  ASSERT_TRUE(queue->tick(0, 1'001)) << "it only looks";
  EXPECT_EQ(queue->tick(kNow, 1'002).value(), kNow + 1'000);
  EXPECT_EQ(queue->tick(kNow + 1'000, 2'002).value(), kAhead) << "a person named that instant";
  fail_once(*queue, kNow + 1'000);
  EXPECT_EQ(queue->tick(kNow + 1'500, 2'502).value(), kNow + 2'000) << "nothing is ahead any more";
}

TEST(SqliteQueue, a_drain_wakes_those_who_wait_already) {
  const TempDir dir;
  sqlite::SqliteQueue queue(sqlite_config(dir.file("q.db")));
  Call no_limit;
  queue.start(no_limit);
  testkit::Call past(1);
  Call over(past.handle());
  EXPECT_FALSE(over.wait_until(INT64_MAX));
  using Clock = std::chrono::steady_clock;
  for (int round = 0; round < 20; ++round) {  // in most of them the other one does wait
    queue.drain(over);
    std::atomic<bool> begun{false};
    Clock::duration took{};
    std::thread other([&] {
      Call call;
      std::uint64_t token = 0;
      queue.wait(call, 0, token);
      const auto began = Clock::now();
      begun = true;
      queue.wait(call, 120'000, token);
      took = Clock::now() - began;
    });
    while (!begun) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    queue.drain(no_limit);
    other.join();
    ASSERT_LT(took, std::chrono::minutes(1));
  }
}

TEST(SqliteQueue, a_log_that_is_deleted_takes_nothing_along) {  // B5
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  auto queue = open_queue(path);
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
  auto copy = open_queue(dir.file("copy.db"));
  const auto kept = copy->read({});
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 1u);
  EXPECT_EQ(kept->front().id, "first");
}

TEST(SqliteQueue, a_log_that_is_deleted_is_in_the_file_only_when_all_of_it_is) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  auto queue = open_queue(path);
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
  EXPECT_EQ(RawFile(dir.file("copy.db")).run("SELECT count(*) FROM worker_tasks"), "2\n");
  sqlite3_close(reader);
}

TEST(SqliteQueue, writes_nothing_when_a_claim_finds_nothing) {
  const TempDir dir;
  const std::string path = dir.file("queue.db");
  const auto queue = open_queue(path);
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

TEST(SqliteQueue, combines_concurrent_writes_without_losing_any) {
  const TempDir dir;
  const auto queue = open_queue(dir.file("queue.db"));
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
