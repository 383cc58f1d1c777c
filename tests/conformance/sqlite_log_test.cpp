// The write-ahead log of the SQLite components: how long it may become, who may hold it, and who
// hears of a checkpoint that fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "core/plugin/adapters/queue.hpp"
#include "plugins/sqlite/queue.hpp"
#include "tests/support/resource_limits.hpp"
#include "tests/support/sqlite_components.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/told.hpp"

namespace skep::test {
namespace {

using sqlite::kCheckpointBytes;

class SqliteLog : public testing::Test {
 protected:
  static constexpr std::int64_t kTaskBytes = 100'000;
  static constexpr std::int64_t kPerCall = 10;

  void open() {
    plugin_ = std::make_shared<sqlite::SqliteQueue>(sqlite_config(path_, "normal"));
    Call no_limit;
    plugin_->start(no_limit);
    queue_ = std::make_unique<plugin::QueueAdapter>(
        plugin::fixed_route(sqlite::SqliteQueue::table<sqlite::SqliteQueue>(),
                            to_inst(plugin_.get()), [plugin = plugin_] {
                              Call at_end;
                              plugin->stop(at_end);
                            }));
  }
  /// Another megabyte, in one transaction.
  bool write_more() {
    std::vector<model::Task> tasks(kPerCall);
    for (model::Task& task : tasks) {
      task.id = "t" + std::to_string(written_.size() + refused_ + (&task - tasks.data()));
      task.spec.type = "t";
      task.spec.params = R"({"x":")" + std::string(kTaskBytes, 'x') + "\"}";
    }
    const auto done = queue_->enqueue(1, tasks);
    if (!done) {
      refused_ += tasks.size();
      return false;
    }
    for (const model::Task& task : tasks) written_.insert(task.id);
    return true;
  }
  std::set<std::string> stored() {
    std::set<std::string> out;
    ports::TaskQuery query;
    query.newest_first = false;
    query.limit = 50;
    for (;;) {
      const auto rows = queue_->read(query);
      if (!rows || rows->empty()) return out;
      for (const model::Task& task : *rows) out.insert(task.id);
      query.after_seq = rows->back().seq;
    }
  }
  std::int64_t log_bytes() const {
    std::error_code ec;
    const auto size = std::filesystem::file_size(path_ + "-wal", ec);
    return ec ? 0 : static_cast<std::int64_t>(size);
  }

  const TempDir dir_;
  const std::string path_ = dir_.file("queue.db");
  const Told told_;
  std::shared_ptr<sqlite::SqliteQueue> plugin_;
  std::unique_ptr<ports::Queue> queue_;
  std::set<std::string> written_;
  std::size_t refused_ = 0;
};

constexpr std::int64_t kOneCall = 3'000'000;  // a transaction of a megabyte, generously

TEST_F(SqliteLog, stays_short_however_much_is_written) {  // B1
  open();
  std::int64_t longest = 0;
  for (std::int64_t bytes = 0; bytes < 4 * kCheckpointBytes; bytes += kPerCall * kTaskBytes) {
    ASSERT_TRUE(write_more());
    longest = std::max(longest, log_bytes());
    EXPECT_EQ(Told::gauge("queue_log_bytes"), static_cast<double>(log_bytes()));
  }
  EXPECT_LE(longest, kCheckpointBytes + kOneCall);
  EXPECT_GT(longest, kCheckpointBytes / 2) << "copied far too often";
}

TEST_F(SqliteLog, is_cut_when_the_snapshot_that_held_it_ends) {
  open();
  ASSERT_TRUE(write_more());
  std::promise<void> reading;
  std::promise<void> let_go;
  struct Ends {
    std::promise<void>& reading;
    std::shared_future<void> let_go;
    bool once = false;
  } ends{reading, let_go.get_future().share()};
  std::thread reader([&] {
    skep_queue_query query{};
    query.size = sizeof(query);
    query.limit = 1;
    const skep_queue_rows rows{&ends, [](void* to, const skep_queue_task*) -> skep_rc {
                                 auto& e = *static_cast<Ends*>(to);
                                 if (!std::exchange(e.once, true)) e.reading.set_value();
                                 e.let_go.wait();
                                 return SKEP_OK;
                               }};
    Call no_limit;
    plugin_->read(no_limit, query, rows);
  });
  reading.get_future().wait();
  bool written = true;
  while (written && log_bytes() < 3 * kCheckpointBytes) written = write_more();
  EXPECT_TRUE(written) << "starved";
  EXPECT_EQ(Told::lines("sqlite_log_held", path_ + "-wal"), 1u);
  let_go.set_value();
  reader.join();
  for (std::int64_t bytes = 0; bytes < kCheckpointBytes; bytes += kPerCall * kTaskBytes)
    ASSERT_TRUE(write_more());
  EXPECT_LE(log_bytes(), kCheckpointBytes + kOneCall);
  EXPECT_EQ(stored(), written_);
}

TEST_F(SqliteLog, is_copied_to_its_end_by_a_clean_stop) {
  open();
  ASSERT_TRUE(write_more());
  queue_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  EXPECT_EQ(Told::gauge("queue_log_bytes"), 0);
  open();
  EXPECT_EQ(stored(), written_);
}

TEST_F(SqliteLog, of_a_killed_process_is_copied_at_the_next_start) {
  open();
  while (log_bytes() < kCheckpointBytes / 2) ASSERT_TRUE(write_more());
  const TempDir copy;
  for (const char* file : {"", "-wal"})
    std::filesystem::copy_file(path_ + file, copy.file("queue.db") + file);
  auto next = open_sqlite_queue(sqlite_config(copy.file("queue.db"), "normal"));
  ASSERT_TRUE(next);
  EXPECT_EQ(std::filesystem::file_size(copy.file("queue.db") + "-wal"), 0u);
  queue_ = std::move(*next);
  EXPECT_EQ(stored(), written_);
}

TEST_F(SqliteLog, that_cannot_be_copied_is_told_and_kept) {
  open();
  {
    const FileSizeLimit limit(6u << 20);
    // The log meets the limit first; copied into the file, it takes as much again.
    while (write_more()) {
    }
    EXPECT_TRUE(write_more()) << "the log was not started again for want of space";
    while (write_more()) {
    }
    queue_.reset();
    EXPECT_EQ(Told::lines("sqlite_checkpoint_failed", R"("when":"stop")"), 1u);
    open();
    EXPECT_EQ(Told::lines("sqlite_checkpoint_failed", R"("when":"start")"), 1u);
    EXPECT_EQ(stored(), written_);
    EXPECT_FALSE(write_more());
  }
  EXPECT_TRUE(write_more());
  EXPECT_EQ(stored(), written_);
  queue_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
}

TEST(SqliteReaders, begin_no_snapshot_in_a_pause_and_are_waited_for) {
  const TempDir dir;
  const std::string path = dir.file("some.db");
  sqlite::Connection writer(path, sqlite::Access::kReadWrite, 0);
  writer.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (x)");
  sqlite::Readers readers(path, 0);
  using std::chrono_literals::operator""ms;
  const Call no_limit;
  auto open = std::make_unique<sqlite::Readers::Snapshot>(readers, no_limit, "test");
  std::thread late;
  std::atomic<bool> began = false;
  {
    sqlite::Readers::Pause pause(readers);
    EXPECT_FALSE(pause.all_ended(0ms));
    late = std::thread([&] {
      const sqlite::Readers::Snapshot snapshot(readers, no_limit, "test");
      began = true;
    });
    open.reset();
    EXPECT_TRUE(pause.all_ended(1'000'000ms));
    EXPECT_FALSE(began);
  }
  late.join();
  EXPECT_TRUE(began);
}

TEST(SqliteConnection, refuses_a_pragma_that_was_not_taken) {
  const TempDir dir;
  sqlite::Connection db(dir.file("some.db"), sqlite::Access::kReadWrite, 0);
  db.set_pragma("synchronous", "2");
  try {
    db.set_pragma("synchronous", "9");
    FAIL() << "SQLite has no such level";
  } catch (const Fault& fault) {
    EXPECT_NE(std::string(fault.what()).find("did not take PRAGMA synchronous = 9"),
              std::string::npos)
        << fault.what();
  }
  EXPECT_THROW(db.set_pragma("no_such_pragma", "1"), Fault);
}

}  // namespace
}  // namespace skep::test
