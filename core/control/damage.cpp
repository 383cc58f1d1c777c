#include "core/control/damage.hpp"

#include "core/base/log.hpp"

namespace skep::control {

using model::Task;
using ports::LeaseVerdict;

void Damage::keep(const Error& error) {
  {
    const MutexLock lock(mutex_);
    if (!found_) return;
    found_ = error;
  }
  log::error("database_damaged", {{"error", error.message}});
}

Status Damage::found() const {
  const MutexLock lock(mutex_);
  return found_;
}

Status Damage::sound() const {
  const Status known = found();
  if (known) return {};
  return Error{Code::kUnavailable, "the queue is damaged: " + known.error().message,
               "queue-damaged", "see \"A page of a database is damaged\" in docs/operate.md"};
}

Result<std::vector<ports::Enqueued>> WatchedQueue::enqueue(WallMs now,
                                                           std::span<const Task> tasks) {
  SKEP_TRY(damage_.sound());
  return damage_.noted(queue_.enqueue(now, tasks));
}
Result<std::vector<Task>> WatchedQueue::claim(WallMs now, const ports::ClaimFilter& filter) {
  SKEP_TRY(damage_.sound());
  return damage_.noted(queue_.claim(now, filter));
}
Result<std::vector<LeaseVerdict>> WatchedQueue::renew(WallMs now,
                                                      std::span<const ports::Renewal> renewals,
                                                      std::int64_t lease_ms) {
  return damage_.noted(queue_.renew(now, renewals, lease_ms));
}
Result<std::vector<model::Verdict>> WatchedQueue::complete(
    WallMs now, std::span<const ports::ResultRecord> results) {
  SKEP_TRY(damage_.sound());
  return damage_.noted(queue_.complete(now, results));
}
Result<std::vector<LeaseVerdict>> WatchedQueue::release(WallMs now,
                                                        std::span<const model::Lease> leases) {
  return damage_.noted(queue_.release(now, leases));
}
Result<WallMs> WatchedQueue::tick(WallMs now, MonoMs monotonic) {
  return damage_.noted(queue_.tick(now, monotonic));
}
Result<std::vector<Task>> WatchedQueue::overdue(WallMs cutoff, std::string_view worker_id,
                                                std::string_view incarnation) {
  return damage_.noted(queue_.overdue(cutoff, worker_id, incarnation));
}
Result<std::vector<LeaseVerdict>> WatchedQueue::lose(WallMs now, WallMs cutoff,
                                                     std::span<const ports::Loss> losses) {
  return damage_.noted(queue_.lose(now, cutoff, losses));
}
Result<LeaseVerdict> WatchedQueue::cancel(WallMs now, std::string_view task_id,
                                          std::string_view error_json) {
  return damage_.noted(queue_.cancel(now, task_id, error_json));
}
Result<LeaseVerdict> WatchedQueue::requeue(WallMs now, std::string_view task_id,
                                           std::int64_t expected_attempt) {
  return damage_.noted(queue_.requeue(now, task_id, expected_attempt));
}
Result<std::vector<Task>> WatchedQueue::read(const ports::TaskQuery& query) {
  return damage_.noted(queue_.read(query));
}
Result<std::vector<ports::AttemptRow>> WatchedQueue::attempts(std::string_view task_id) {
  return damage_.noted(queue_.attempts(task_id));
}
Result<std::vector<ports::Completion>> WatchedQueue::completions(std::int64_t after,
                                                                 std::uint32_t limit,
                                                                 std::size_t max_bytes) {
  return damage_.noted(queue_.completions(after, limit, max_bytes));
}
Result<std::vector<ports::TaskCount>> WatchedQueue::stats() {
  return damage_.noted(queue_.stats());
}
Result<std::uint64_t> WatchedQueue::wait(Millis timeout, std::uint64_t token) {
  return damage_.noted(queue_.wait(timeout, token));
}
Result<std::uint32_t> WatchedQueue::purge(WallMs before, std::int64_t sequence,
                                          std::uint32_t limit) {
  return damage_.noted(queue_.purge(before, sequence, limit));
}

Result<std::vector<std::vector<ports::Row>>> WatchedStore::batch(
    std::span<const ports::Statement> statements) {
  return damage_.noted(store_.batch(statements));
}
Result<std::vector<ports::Row>> WatchedStore::query(const ports::Statement& statement) {
  return damage_.noted(store_.query(statement));
}
Status WatchedStore::migrate(const std::string& name, std::span<const std::string> migrations) {
  return damage_.noted(store_.migrate(name, migrations));
}

}  // namespace skep::control
