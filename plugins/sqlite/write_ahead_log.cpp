#include "write_ahead_log.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "skep/json.hpp"
#include "skep/metric.hpp"

namespace skep::sqlite {
namespace {

using namespace std::chrono_literals;

/// How long a due checkpoint keeps writers waiting for snapshots to end.
constexpr auto kPatience = 50ms;
constexpr auto kRetryWhenFull = 1s;
constexpr int kRetryPages = kCheckpointPages / 4;

std::int64_t file_bytes(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_size : 0;
}

}  // namespace

WriteAheadLog::WriteAheadLog(Connection& db, Readers& readers, const std::string& path,
                             const char* what)
    : db_(db), readers_(readers), path_(path + "-wal"), metric_(std::string(what) + "_log_bytes") {
  // The hook takes the place of SQLite's own, so nothing else checkpoints this connection. Setting
  // PRAGMA wal_autocheckpoint after it, even to 0, would take it away again.
  sqlite3_wal_hook(db_.handle(), &WriteAheadLog::on_commit, this);
  if (const int rc = checkpoint(SQLITE_CHECKPOINT_TRUNCATE); rc != SQLITE_OK)
    tell("sqlite_checkpoint_failed", rc, "start");
  measure();
}

WriteAheadLog::~WriteAheadLog() {
  sqlite3_wal_hook(db_.handle(), nullptr, nullptr);
  if (const int rc = checkpoint(SQLITE_CHECKPOINT_TRUNCATE); rc != SQLITE_OK)
    tell("sqlite_checkpoint_failed", rc, "stop");
  measure();
}

int WriteAheadLog::on_commit(void* self, sqlite3*, const char*, int pages) {
  static_cast<WriteAheadLog*>(self)->pages_ = pages;
  return SQLITE_OK;
}

void WriteAheadLog::check_in_place() {
  struct stat found {};
  const bool there = ::stat(path_.c_str(), &found) == 0;
  const Place at{found.st_dev, found.st_ino};
  if (!place_ && there) place_ = at;
  if (!place_ || (there && at == *place_)) return;
  if (pages_ > 0 && checkpoint(SQLITE_CHECKPOINT_FULL) == SQLITE_OK) pages_ = 0;  // all of it
  throw Fault(SKEP_E_UNAVAILABLE,
              path_ + " was moved or deleted while it is open; " +
                  (pages_ == 0 ? "what it held is in the database: restart the host"
                               : "put it back, or stop the host, which copies what it holds"),
              1'000);
}

void WriteAheadLog::after_transaction() noexcept {
  if (pages_ >= due_at_) {
    last_try_ = Clock::now();
    const int rc = copy_and_start_again();
    due_at_ = rc == SQLITE_OK ? kCheckpointPages : pages_ + kRetryPages;
    if (rc == SQLITE_OK) {
      pages_ = told_at_ = 0;
    } else if (rc != SQLITE_BUSY) {
      tell("sqlite_checkpoint_failed", rc, "run");
    } else if (pages_ >= 2 * std::max(told_at_, kCheckpointPages)) {
      told_at_ = pages_;
      tell("sqlite_log_held", rc, "run");
    }
  }
  measure();
}

void WriteAheadLog::disk_is_full() noexcept {
  if (pages_ > 0 && Clock::now() - last_try_ >= kRetryWhenFull) due_at_ = 0;
}

int WriteAheadLog::copy_and_start_again() {
  // Most of the work, beside the readers.
  if (const int rc = checkpoint(SQLITE_CHECKPOINT_PASSIVE); rc != SQLITE_OK) return rc;
  Readers::Pause pause(readers_);
  if (!pause.all_ended(kPatience)) return SQLITE_BUSY;
  return checkpoint(SQLITE_CHECKPOINT_RESTART);
}

int WriteAheadLog::checkpoint(int mode) {
  errno = 0;
  return db_.without_waiting(
      [&](sqlite3* db) { return sqlite3_wal_checkpoint_v2(db, nullptr, mode, nullptr, nullptr); });
}

void WriteAheadLog::tell(const char* event, int rc, const char* when) const {
  skep::log(SKEP_LOG_WARN, event,
            Json::object({{"path", path_},
                          {"when", when},
                          {"bytes", file_bytes(path_)},
                          {"error", sqlite3_errmsg(db_.handle())},
                          {"code", rc}})
                .dump());
}

void WriteAheadLog::measure() const {
  skep::set_gauge(metric_, static_cast<double>(file_bytes(path_)));
}

}  // namespace skep::sqlite
