// What SQLite is told, and when: the order of a group commit's steps, which lanes go, and what is
// synced before a write is acknowledged.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "plugins/sqlite/database.hpp"
#include "tests/conformance/queue_sqlite.hpp"

namespace skep::test {
namespace {

// Of files that end with "-wal".
std::atomic<int> syncs{0};
std::atomic<int> sync_error{0};  ///< what they fail with

int sync(int fd, long call) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t n = ::readlink(link.c_str(), path.data(), path.size());
  if (std::string_view(path.data(), n > 0 ? static_cast<std::size_t>(n) : 0).ends_with("-wal")) {
    ++syncs;
    if (sync_error != 0) {
      errno = sync_error;
      return -1;
    }
  }
  return static_cast<int>(::syscall(call, fd));
}

}  // namespace
}  // namespace skep::test

// SQLite's calls come here, because a program goes before its libraries.
extern "C" {
int fsync(int fd) { return skep::test::sync(fd, SYS_fsync); }
int fdatasync(int fd) { return skep::test::sync(fd, SYS_fdatasync); }
}

namespace skep::test {
namespace {

model::Task task_at(int i) {
  model::Task task;
  task.id = "t" + std::to_string(i);
  task.spec.type = "t";
  task.spec.site = "site-" + std::to_string(i);
  return task;
}

TEST(SqliteDurable, every_acknowledged_write_was_synced_when_full) {
  const TempDir dir;
  for (const char* sync : {"full", "normal"}) {
    const auto queue = open_queue(dir.file(std::string(sync) + ".db"), sync);
    const model::Task first = task_at(9);  // with it the log begins, which is synced anyway
    ASSERT_TRUE(queue->enqueue(1, {&first, 1}));
    for (int i = 0; i < 5; ++i) {
      const model::Task task = task_at(i);
      const int before = syncs;
      ASSERT_TRUE(queue->enqueue(1, {&task, 1}));
      EXPECT_EQ(syncs - before, sync == std::string("full") ? 1 : 0) << sync;
    }
  }
}

TEST(SqliteDurable, a_commit_that_cannot_be_synced_leaves_nothing_behind) {
  const TempDir dir;
  const auto queue = open_queue(dir.file("queue.db"));
  const model::Task task = task_at(1);
  sync_error = EIO;
  const auto refused = queue->enqueue(1, {&task, 1});
  sync_error = 0;
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable) << refused.error().message;
  EXPECT_TRUE(queue->read({})->empty());
  const auto taken = queue->enqueue(1, {&task, 1});
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->at(0).verdict, ports::EnqueueVerdict::kEnqueued);
  EXPECT_EQ(queue->claim(2, {{"w", "boot", "site-1", {}, {"t"}}, 1, 1'000})->size(), 1u)
      << "it is in no lane that went with the first try";
}

TEST(SqliteLanes, stay_while_a_task_in_them_lives) {
  const TempDir dir;
  const auto queue = open_queue(dir.file("queue.db"), "normal");
  const auto claim = [&](int i, std::int64_t lease_ms) {
    const auto got =
        queue->claim(2, {{"w", "boot", "site-" + std::to_string(i), {}, {"t"}}, 1, lease_ms});
    if (!got || got->size() != 1) throw std::runtime_error("nothing to claim");
    const model::Task& task = got->front();
    return model::Lease{task.id, task.attempt, task.lease_id};
  };
  std::vector<model::Task> live;
  for (int i = 0; i < 5; ++i) live.push_back(task_at(i));
  ASSERT_TRUE(queue->enqueue(1, live));
  const auto waiting = claim(1, 1'000);
  claim(2, 1'000'000);
  const auto executing = claim(3, 1'000'000);
  const auto suspect = claim(4, 1'000);
  ASSERT_TRUE(queue->renew(3, std::vector{ports::Renewal{executing, true}}, 1'000'000));
  ASSERT_TRUE(queue->tick(2'000, 2'000));
  const auto lose = [&](const model::Lease& lease, std::int64_t delay_ms) {
    return (*queue->lose(2'000, 2'000, std::vector{ports::Loss{lease, false, delay_ms, 3, "{}"}}))
        .at(0);
  };
  ASSERT_EQ(lose(waiting, 1'000'000), ports::LeaseVerdict::kHeld);
  std::vector<model::Task> ended;  // more lanes than are kept without a look
  for (int i = 5; i < 400; ++i) ended.push_back(task_at(i));
  ASSERT_TRUE(queue->enqueue(1, ended));
  for (const model::Task& task : ended) ASSERT_TRUE(queue->cancel(2'001, task.id, "{}"));

  ASSERT_TRUE(queue->tick(2'002, 2'002));
  sqlite::Connection outside(dir.file("queue.db"), sqlite::Access::kReadOnly, 0);
  EXPECT_EQ(outside.query_int("SELECT count(*) FROM lanes"), 5);
  EXPECT_EQ(outside.query_int("SELECT count(DISTINCT state) FROM worker_tasks WHERE state < 5"), 5)
      << "one in each state that has not ended";
  ASSERT_EQ(lose(suspect, 0), ports::LeaseVerdict::kHeld);
  ASSERT_TRUE(queue->tick(2'003, 2'003));
  EXPECT_NO_THROW(claim(4, 1'000));
}

constexpr const char* kTable = "CREATE TABLE t (x INTEGER)";

/// A writer, what it says to SQLite, and "told" where it reports changes that were undone.
class SqliteWriter : public testing::Test {
 protected:
  SqliteWriter() {
    db.execute(("PRAGMA journal_mode = WAL; " + std::string(kTable)).c_str());
    sqlite3_trace_v2(
        db.handle(), SQLITE_TRACE_STMT,
        [](unsigned, void* self, void*, void* sql) {
          static_cast<SqliteWriter*>(self)->said.emplace_back(static_cast<const char*>(sql));
          return 0;
        },
        this);
  }
  ~SqliteWriter() override { sqlite3_trace_v2(db.handle(), 0, nullptr, nullptr); }
  /// Two jobs in one transaction, the first of which fails. Jobs gather while one is at work.
  void fail_in_a_group() {
    const auto grouped = [&] {
      return std::find(said.begin(), said.end(), "ROLLBACK TO job") != said.end();
    };
    while (!grouped()) {
      said.clear();
      std::atomic<int> coming{0};
      std::vector<std::jthread> others;
      writer.run({no_limit}, "gather", [&](sqlite::Connection&) {
        for (int i = 0; i < 3; ++i)
          others.emplace_back([&] {
            ++coming;
            EXPECT_THROW(writer.run({no_limit}, "fail",
                                    [](sqlite::Connection& c) {
                                      c.execute("INSERT INTO t VALUES (1)");
                                      throw Fault(SKEP_E_STATE, "refused");
                                    }),
                         Fault);
          });
        while (coming < 3) std::this_thread::yield();
      });
    }
  }

  const TempDir dir;
  sqlite::Connection db{dir.file("some.db"), sqlite::Access::kReadWrite, 0};
  sqlite::Readers readers{dir.file("some.db"), 0};
  sqlite::WriteAheadLog log{db, readers, dir.file("some.db"), "test"};
  const Call no_limit;
  std::vector<std::string> said;  ///< by whoever leads
  sqlite::Writer writer{db, log, [this] { said.emplace_back("told"); }};
};

TEST_F(SqliteWriter, tells_of_what_was_undone_before_the_next_job_of_a_group_runs) {
  fail_in_a_group();
  for (auto at = said.begin(); at != said.end(); ++at) {
    if (*at != "ROLLBACK TO job") continue;
    ASSERT_NE(at + 1, said.end());
    EXPECT_EQ(*(at + 1), "told") << "a cache would keep what is gone";
  }
  EXPECT_EQ(db.query_int("SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteWriter, tells_of_what_a_job_alone_had_undone) {
  EXPECT_THROW(writer.run({no_limit}, "fail",
                          [](sqlite::Connection& c) {
                            c.execute("INSERT INTO t VALUES (1)");
                            throw Fault(SKEP_E_STATE, "refused");
                          }),
               Fault);
  EXPECT_EQ(said, (std::vector<std::string>{"BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)",
                                            "ROLLBACK", "told"}));
}

}  // namespace
}  // namespace skep::test
