#include "writer.hpp"

#include <algorithm>

#include "wait_with_call.hpp"

namespace skep::sqlite {
namespace {

constexpr std::size_t kMaxGroup = 64;

}  // namespace

Writer::Writer(Connection& db, WriteAheadLog& log, std::function<void()> on_rollback)
    : db_(db), log_(log), on_rollback_(std::move(on_rollback)) {}

void Writer::submit(const Terms& terms, std::string_view doing,
                    std::function<void(Connection&)> work) {
  terms.call.check(doing);
  Job job{terms, std::string(doing), std::move(work), nullptr};
  std::unique_lock lock(mutex_);
  pending_.push_back(&job);
  while (!job.done) {
    if (leading_) {
      if (wait_with_call(changed_, lock, terms.call, [&] { return job.begun || !leading_; })) {
        if (job.begun) changed_.wait(lock, [&] { return job.done; });
        continue;
      }
      std::erase(pending_, &job);
      lock.unlock();
      terms.call.check(job.doing + ": other writes take long");
      throw Fault(SKEP_E_CANCELLED, job.doing + ": cancelled");
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
  for (Job* job : group) job->begun = true;
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
    do_work(job);
  } catch (...) {
    // A full disk and the like end the whole transaction, not just the savepoint.
    if (!db_.in_transaction()) throw;
    job.error = std::current_exception();
    db_.prepare("ROLLBACK TO job").run();
    on_rollback_();
  }
  db_.prepare("RELEASE job").run();
}

/// The commit is no statement of the job: it is not cut short.
void Writer::do_work(Job& job) {
  job.terms.call.check(job.doing);
  const Connection::Limit limit(db_, job.terms.call, job.terms.patience);
  job.work(db_);
}

void Writer::run_alone(Job& job) {
  try {
    db_.set_doing(job.doing);
    db_.check_in_place();
    log_.check_in_place();
    db_.prepare("BEGIN IMMEDIATE").run();
    do_work(job);
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
