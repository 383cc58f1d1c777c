#include "writer.hpp"

#include <algorithm>

#include "skep/json.hpp"

namespace skep::sqlite {
namespace {

constexpr std::size_t kMaxGroup = 64;
constexpr int kCheckpointPages = 8'000;  // 32 MiB of write-ahead log

}  // namespace

Writer::Writer(Connection& db, std::function<void()> on_rollback)
    : db_(db), on_rollback_(std::move(on_rollback)), checkpoint_at_(kCheckpointPages) {
  sqlite3_wal_hook(db_.handle(), &Writer::on_wal, this);
}

int Writer::on_wal(void* self, sqlite3*, const char*, int pages) {
  static_cast<Writer*>(self)->wal_pages_ = pages;
  return SQLITE_OK;
}

void Writer::submit(std::string_view doing, std::function<void(Connection&)> work) {
  Job job{std::string(doing), std::move(work), nullptr, false};
  std::unique_lock lock(mutex_);
  pending_.push_back(&job);
  while (!job.done) {
    if (leading_) {
      changed_.wait(lock);
      continue;
    }
    leading_ = true;
    const std::vector<Job*> group = take_group();
    lock.unlock();
    lead(group);
    lock.lock();
    for (Job* j : group) j->done = true;
    leading_ = false;
    changed_.notify_all();
  }
  if (job.error) std::rethrow_exception(job.error);
}

std::vector<Writer::Job*> Writer::take_group() {
  const auto end =
      pending_.begin() + static_cast<std::ptrdiff_t>(std::min(kMaxGroup, pending_.size()));
  std::vector<Job*> group(pending_.begin(), end);
  pending_.erase(pending_.begin(), end);
  return group;
}

void Writer::lead(const std::vector<Job*>& group) noexcept {
  if (group.size() == 1) {
    run_alone(*group.front());
  } else if (!commit_group(group)) {
    for (Job* job : group) run_alone(*job);
  }
  checkpoint_when_due();
}

/// False when the transaction as a whole failed: nothing of the group was kept.
bool Writer::commit_group(const std::vector<Job*>& group) {
  try {
    db_.set_doing("begin");
    db_.check_in_place();
    db_.prepare("BEGIN IMMEDIATE").run();
    for (Job* job : group) run_in_savepoint(*job);
    db_.set_doing("commit");
    db_.prepare("COMMIT").run();
    return true;
  } catch (...) {
    // Each job runs again alone and gets its own error there.
    rollback();
    for (Job* job : group) job->error = nullptr;
    return false;
  }
}

void Writer::run_in_savepoint(Job& job) {
  db_.set_doing(job.doing);
  db_.prepare("SAVEPOINT job").run();
  try {
    job.work(db_);
  } catch (...) {
    // A full disk and the like end the whole transaction, not just the savepoint.
    if (!db_.in_transaction()) throw;
    job.error = std::current_exception();
    db_.prepare("ROLLBACK TO job").run();
    on_rollback_();
  }
  db_.prepare("RELEASE job").run();
}

void Writer::run_alone(Job& job) {
  try {
    db_.set_doing(job.doing);
    db_.check_in_place();
    db_.prepare("BEGIN IMMEDIATE").run();
    job.work(db_);
    db_.prepare("COMMIT").run();
  } catch (...) {
    job.error = std::current_exception();
    rollback();
  }
}

void Writer::rollback() {
  // Fails only when SQLite has rolled back by itself; then there is nothing left to undo.
  if (db_.in_transaction()) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  on_rollback_();
}

void Writer::checkpoint_when_due() {
  if (wal_pages_ < kCheckpointPages) checkpoint_at_ = kCheckpointPages;
  if (wal_pages_ < checkpoint_at_) return;
  int log = 0;
  int done = 0;
  const int rc =
      sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &log, &done);
  // A reader may hold back the rest: then it is tried again one step later, not at each commit.
  checkpoint_at_ = wal_pages_ + kCheckpointPages;
  wal_pages_ = 0;
  if (rc != SQLITE_OK && rc != SQLITE_BUSY)
    skep::log(SKEP_LOG_WARN, "sqlite_checkpoint_failed",
              Json::object({{"error", sqlite3_errmsg(db_.handle())}, {"code", rc}}).dump());
}

}  // namespace skep::sqlite
