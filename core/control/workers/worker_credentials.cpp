#include "core/control/workers/worker_credentials.hpp"

#include <utility>

#include "core/base/id.hpp"

namespace skep::control {
namespace {

constexpr std::size_t kCredentialBytes = 32;
constexpr std::int64_t kRotatedAfter = 30LL * 86'400'000;
constexpr std::string_view kPrefix = "skep-worker-";  ///< what it is, for people who find one

}  // namespace

std::vector<std::string> WorkerCredentials::migrations() {
  return {
      "CREATE TABLE worker_credentials (worker_id TEXT PRIMARY KEY, hash TEXT NOT NULL, former "
      "TEXT NOT NULL, issued_ms BIGINT NOT NULL)"};
}

Status WorkerCredentials::load() {
  const auto rows =
      store_.query({"SELECT worker_id, hash, former, issued_ms FROM worker_credentials"});
  if (!rows) return rows.error();
  const MutexLock lock(mutex_);
  for (const auto& row : *rows) {
    const std::string worker(ports::as_text(row[0]));
    const Held held{std::string(ports::as_text(row[1])), std::string(ports::as_text(row[2])), false,
                    ports::as_int(row[3])};
    workers_[held.hash] = worker;
    if (!held.former.empty()) workers_[held.former] = worker;
    held_[worker] = held;
  }
  return {};
}

std::string WorkerCredentials::worker_of(std::string_view credential) {
  if (!credential.starts_with(kPrefix)) return {};
  const std::string hash = sha256_hex(credential);
  MutexLock lock(mutex_);
  const auto found = workers_.find(hash);
  if (found == workers_.end()) return {};
  std::string worker = found->second;
  Held& held = held_[worker];
  const bool is_first = !std::exchange(held.proven, true);
  if (held.hash == hash && !held.former.empty()) {
    workers_.erase(std::exchange(held.former, {}));
    unwritten_.insert(worker);
  }
  lock.unlock();
  if (is_first && proven_) proven_(worker);
  return worker;
}

bool WorkerCredentials::is_proven(const std::string& worker_id) const {
  const MutexLock lock(mutex_);
  const auto held = held_.find(worker_id);
  return held != held_.end() && held->second.proven;
}

/// One of the future is of a clock that was wrong.
bool WorkerCredentials::is_due(WallMs now, const std::string& worker_id) const {
  const MutexLock lock(mutex_);
  const auto held = held_.find(worker_id);
  if (held == held_.end() || !held->second.former.empty()) return true;
  const std::int64_t age = now - held->second.issued_ms;
  return age < 0 || age >= kRotatedAfter;
}

WorkerCredentials::Issue WorkerCredentials::issue(WallMs now, const std::string& worker_id) const {
  Issue out;
  out.worker_id = worker_id;
  out.credential = std::string(kPrefix) + random_hex(kCredentialBytes);
  out.hash = sha256_hex(out.credential);
  out.issued_ms = now;
  const MutexLock lock(mutex_);
  const auto held = held_.find(worker_id);
  const std::string former = held == held_.end() ? "" : held->second.in_use();
  out.statement = {
      "INSERT INTO worker_credentials (worker_id, hash, former, issued_ms) VALUES ($1, $2, $3, $4)"
      " ON CONFLICT (worker_id) DO UPDATE SET hash = $2, former = $3, issued_ms = $4",
      {worker_id, out.hash, former, now}};
  return out;
}

void WorkerCredentials::commit(const Issue& issue) {
  const MutexLock lock(mutex_);
  Held& held = held_[issue.worker_id];
  std::string former = held.in_use();
  if (held.hash != former) workers_.erase(held.hash);  // it never reached its worker
  if (issue.to_newcomer) held.proven = false;
  held.hash = issue.hash;
  held.former = std::move(former);
  held.issued_ms = issue.issued_ms;
  workers_[issue.hash] = issue.worker_id;
  unwritten_.erase(issue.worker_id);
}

ports::Statement WorkerCredentials::removal(const std::string& worker_id) {
  return {"DELETE FROM worker_credentials WHERE worker_id = $1", {worker_id}};
}

void WorkerCredentials::forget(const std::string& worker_id) {
  const MutexLock lock(mutex_);
  const auto held = held_.find(worker_id);
  if (held == held_.end()) return;
  workers_.erase(held->second.hash);
  workers_.erase(held->second.former);
  held_.erase(held);
  unwritten_.erase(worker_id);
}

Status WorkerCredentials::settle(const std::string& worker_id) {
  std::string hash;
  {
    const MutexLock lock(mutex_);
    const auto held = held_.find(worker_id);
    if (unwritten_.erase(worker_id) == 0 || held == held_.end()) return {};
    hash = held->second.hash;
  }
  const ports::Statement ended{
      "UPDATE worker_credentials SET former = '' WHERE worker_id = $1 AND hash = $2",
      {worker_id, hash}};
  const auto done = store_.batch({&ended, 1});
  if (done) return {};
  const MutexLock lock(mutex_);
  unwritten_.insert(worker_id);
  return done.error();
}

}  // namespace skep::control
