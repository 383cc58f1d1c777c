#include "writer.hpp"

#include <algorithm>

namespace skep::sqlite {
namespace {

constexpr std::size_t kMaxGroup = 64;

}  // namespace

Writer::Writer(Connection& db, WriteAheadLog& log, std::function<void()> on_rollback)
    : db_(db), log_(log), on_rollback_(std::move(on_rollback)) {}

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
  log_.after_transaction();
}

/// False when the transaction as a whole failed: nothing of the group was kept.
bool Writer::commit_group(const std::vector<Job*>& group) {
  try {
    db_.set_doing("begin");
    db_.check_in_place();
    log_.check_in_place();
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
    log_.check_in_place();
    db_.prepare("BEGIN IMMEDIATE").run();
    job.work(db_);
    db_.prepare("COMMIT").run();
  } catch (const Fault& fault) {
    job.error = std::current_exception();
    if (fault.code() == SKEP_E_NO_MEMORY) log_.disk_is_full();
    rollback();
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

}  // namespace skep::sqlite
