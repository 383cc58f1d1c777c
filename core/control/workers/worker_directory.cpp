#include "core/control/workers/worker_directory.hpp"

#include <algorithm>
#include <utility>

#include "core/base/id.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"

namespace skep::control {
namespace {

model::WorkerProfile profile_of(const api::Registration& r) {
  model::WorkerProfile p{r.worker_id, r.incarnation, r.site, {}, {}};
  for (const auto& [name, on] : r.capabilities)
    if (on && is_name(name)) p.capabilities.push_back(name);
  for (const auto& type : r.types) p.types.push_back(type.name);
  return p;
}

Error unknown_worker(const std::string& id, std::vector<std::string> known) {
  return Error{Code::kNotFound, "no worker \"" + id + "\" has registered; " + suggestion(id, known),
               "unknown-worker", "skep worker list"};
}

/// All that the worker says is wrong there.
std::vector<std::string> said_by(const api::Beat& beat) {
  std::vector<std::string> all = beat.troubles;
  all.insert(all.end(), beat.notices.begin(), beat.notices.end());
  return all;
}

}  // namespace

std::vector<std::string> WorkerDirectory::migrations() {
  return {
      "CREATE TABLE workers (worker_id TEXT PRIMARY KEY, site TEXT NOT NULL, "
      "registration TEXT NOT NULL, mode TEXT NOT NULL, registered_ms BIGINT NOT NULL, "
      "last_seen_ms BIGINT NOT NULL, beat TEXT NOT NULL)"};
}

Status WorkerDirectory::load() {
  const auto rows =
      store_.query({"SELECT registration, mode, registered_ms, last_seen_ms, beat FROM workers"});
  if (!rows) return rows.error();
  const MutexLock lock(mutex_);
  for (const auto& row : *rows) {
    auto about = api::decode_registration(ports::as_text(row[0]));
    if (!about) return about.error().within("workers table");
    WorkerRecord w;
    w.profile = profile_of(*about);
    w.about = std::move(*about);
    w.mode = api::parse_mode(ports::as_text(row[1]));
    w.registered_ms = ports::as_int(row[2]);
    w.last_seen_ms = ports::as_int(row[3]);
    if (auto beat = api::decode_beat(ports::as_text(row[4]))) w.beat = std::move(*beat);
    put(std::move(w));
  }
  return {};
}

void WorkerDirectory::put(WorkerRecord w) {
  auto fresh = std::make_shared<const WorkerRecord>(std::move(w));
  Record& at = workers_[fresh->profile.id];
  count_types(*fresh, 1);  // first: what both run stays vouched for
  if (at != nullptr) count_types(*at, -1);
  at = std::move(fresh);
}

void WorkerDirectory::count_types(const WorkerRecord& w, int by) {
  for (const ports::TaskType& type : api::types_and_withheld(w.about))
    if (const auto at = runners_.try_emplace({type.name, type.params_schema}).first;
        (at->second.count += by) <= 0)
      runners_.erase(at);
}

Status WorkerDirectory::save(const WorkerRecord& w, Statements also) {
  also.push_back(
      {"INSERT INTO workers (worker_id, site, registration, mode, registered_ms, last_seen_ms, "
       "beat)"
       " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (worker_id) DO UPDATE SET site = $2, "
       "registration = $3, mode = $4, registered_ms = $5, last_seen_ms = $6, beat = $7",
       {w.profile.id, w.profile.site, api::encode(w.about), std::string(api::to_string(w.mode)),
        w.registered_ms, w.last_seen_ms, api::encode(w.beat)}});
  const auto done = store_.batch(also);
  return done ? Status{} : Status{done.error()};
}

Result<std::string> WorkerDirectory::enrol(WallMs now, const api::Registration& r,
                                           Statements also) {
  WorkerRecord w;
  std::string replaced;
  {
    const MutexLock lock(mutex_);
    if (const auto old = workers_.find(r.worker_id); old != workers_.end()) {
      if (old->second->profile.incarnation != r.incarnation)
        replaced = old->second->profile.incarnation;
      w.mode = old->second->mode;
    }
    w.about = r;
    w.profile = profile_of(r);
    w.registered_ms = w.last_seen_ms = now;
    // A process that registers again has not begun anew.
    if (const auto old = workers_.find(r.worker_id);
        old != workers_.end() && old->second->profile.incarnation == r.incarnation) {
      w.beat = old->second->beat;
      w.skew_ms = old->second->skew_ms;
    }
    w.beat.worker_id = r.worker_id;
    w.beat.incarnation = r.incarnation;
    w.beat.pool_size = r.concurrency;
  }
  SKEP_TRY(save(w, std::move(also)));
  const MutexLock lock(mutex_);
  put(std::move(w));
  if (!replaced.empty()) voided_.erase(r.worker_id);
  return replaced;
}

Result<WorkerRecord> WorkerDirectory::check_in(WallMs now, const std::string& worker_id,
                                               const std::string& incarnation,
                                               const api::Beat* beat) {
  const MutexLock lock(mutex_);
  const auto found = workers_.find(worker_id);
  if (found == workers_.end())
    return Error{Code::kNotFound, "no worker \"" + worker_id + "\" has registered",
                 "unknown-worker", "POST /api/workers/register"};
  const WorkerRecord& known = *found->second;
  if (known.profile.incarnation != incarnation)
    return Error{Code::kState,
                 "worker id \"" + worker_id + "\" belongs to another process now (host " +
                     known.about.host + ", pid " + std::to_string(known.about.pid) + ")",
                 std::string(api::kWorkerIdConflict), "give each worker its own [node] id"};
  if (beat == nullptr) return known;
  auto seen = std::make_shared<WorkerRecord>(known);
  seen->beat = *beat;
  if (beat->draining) {  // it takes no tasks because it has stopped
    seen->beat.troubles.clear();
    seen->beat.notices.clear();
  }
  seen->last_seen_ms = now;
  seen->skew_ms = beat->sent_ms == 0 ? 0 : beat->sent_ms - now;
  dirty_.insert(worker_id);
  found->second = seen;
  return *seen;
}

std::optional<WorkerRecord> WorkerDirectory::peek(const std::string& worker_id) const {
  const MutexLock lock(mutex_);
  const auto found = workers_.find(worker_id);
  return found == workers_.end() ? std::nullopt : std::optional(*found->second);
}

Result<WorkerRecord> WorkerDirectory::find(const std::string& worker_id) const {
  if (auto known = peek(worker_id)) return std::move(*known);
  std::vector<std::string> ids;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, w] : workers_) ids.push_back(id);
  }
  return unknown_worker(worker_id, std::move(ids));
}

std::vector<WorkerDirectory::Record> WorkerDirectory::records() const {
  const MutexLock lock(mutex_);
  std::vector<Record> out;
  out.reserve(workers_.size());
  for (const auto& [id, w] : workers_) out.push_back(w);
  return out;
}

std::vector<WorkerRecord> WorkerDirectory::all() const {
  const std::vector<Record> now = records();
  std::vector<WorkerRecord> out;
  out.reserve(now.size());
  for (const Record& w : now) out.push_back(*w);
  return out;
}

void WorkerDirectory::go_on_from(WallMs believed, WallMs now) {
  constexpr std::int64_t kByThatClock = 1'800'000;  // one that is not believed is an hour ahead
  const MutexLock lock(mutex_);
  for (auto& [id, w] : workers_) {
    if (now <= believed || w->last_seen_ms > believed + kByThatClock) continue;
    auto moved = std::make_shared<WorkerRecord>(*w);
    moved->last_seen_ms += now - believed;
    w = std::move(moved);
  }
}

void WorkerDirectory::shift(std::int64_t by_ms) {
  const MutexLock lock(mutex_);
  for (auto& [id, w] : workers_) {
    auto moved = std::make_shared<WorkerRecord>(*w);
    moved->last_seen_ms += by_ms;
    w = std::move(moved);
    dirty_.insert(id);
  }
  for (auto& [type, runners] : runners_)
    if (runners.vouched_ms) *runners.vouched_ms += by_ms;
}

void WorkerDirectory::forget_future(WallMs now) {
  const MutexLock lock(mutex_);
  for (auto& [id, w] : workers_) {
    if (w->last_seen_ms <= now) continue;
    auto moved = std::make_shared<WorkerRecord>(*w);
    moved->last_seen_ms = now;
    w = std::move(moved);
    dirty_.insert(id);
  }
  for (auto& [type, runners] : runners_)
    if (runners.vouched_ms) runners.vouched_ms = std::min(*runners.vouched_ms, now);
}

std::vector<std::string> WorkerDirectory::last_seen_before(WallMs then) const {
  const MutexLock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [id, w] : workers_)
    if (w->last_seen_ms < then) out.push_back(id);
  return out;
}

Status WorkerDirectory::set_mode(const std::string& worker_id, api::WorkerMode mode,
                                 Statements also) {
  auto w = find(worker_id);
  if (!w) return w.error();
  w->mode = mode;
  SKEP_TRY(save(*w, std::move(also)));
  const MutexLock lock(mutex_);
  const auto found = workers_.find(worker_id);
  if (found == workers_.end()) return {};
  auto changed = std::make_shared<WorkerRecord>(*found->second);
  changed->mode = mode;
  found->second = std::move(changed);
  return {};
}

Status WorkerDirectory::remove(WallMs now, const std::string& worker_id, Statements also) {
  const auto w = find(worker_id);
  if (!w) return w.error();
  if (is_there(*w, now))
    return Error{Code::kState,
                 "worker \"" + worker_id + "\" is " + std::string(to_string(presence(*w, now))) +
                     "; only one that is gone can be removed",
                 "worker-online", "stop it, or: skep worker drain " + worker_id};
  also.push_back({"DELETE FROM workers WHERE worker_id = $1", {worker_id}, 1});
  const auto done = store_.batch(also);
  if (!done && done.error().code != Code::kState) return done.error();
  const MutexLock lock(mutex_);
  if (const auto found = workers_.find(worker_id); found != workers_.end()) {
    count_types(*found->second, -1);
    workers_.erase(found);
  }
  voided_.erase(worker_id);
  dirty_.erase(worker_id);
  return {};
}

Presence WorkerDirectory::presence(const WorkerRecord& w, WallMs now) const {
  if (w.beat.draining) return Presence::kStopped;
  const std::int64_t age = now - w.last_seen_ms;
  const Limits limits = limits_.get();
  return age > limits.stale_after_ms         ? Presence::kStale
         : age > limits.offline_after_ms     ? Presence::kOffline
         : age > limits.offline_after_ms / 2 ? Presence::kLate
                                             : Presence::kOnline;
}

api::WorkerView WorkerDirectory::view(const WorkerRecord& w, WallMs now) const {
  return {w.about,         w.profile,      w.beat,    w.mode, presence(w, now),
          w.registered_ms, w.last_seen_ms, w.skew_ms, now,    said_by(w.beat)};
}

bool WorkerDirectory::is_there(const WorkerRecord& w, WallMs now) const {
  const Presence p = presence(w, now);
  return p == Presence::kOnline || p == Presence::kLate;
}

bool WorkerDirectory::takes_work(const WorkerRecord& w, WallMs now) const {
  return w.mode == api::WorkerMode::kActive && is_there(w, now);
}

bool WorkerDirectory::runs(const ports::TaskType& type) const {
  const MutexLock lock(mutex_);
  return runners_.contains(TypeKey{type.name, type.params_schema});
}

void WorkerDirectory::vouch(const std::string& worker_id) {
  const MutexLock lock(mutex_);
  const auto found = workers_.find(worker_id);
  if (found == workers_.end() || found->second->beat.draining) return;
  const WorkerRecord& w = *found->second;
  for (const ports::TaskType& type : api::types_and_withheld(w.about))
    if (const auto at = runners_.find(TypeKey{type.name, type.params_schema}); at != runners_.end())
      at->second.vouched_ms =
          std::max(at->second.vouched_ms.value_or(w.last_seen_ms), w.last_seen_ms);
}

bool WorkerDirectory::is_vouched_for(const ports::TaskType& type, WallMs now) const {
  const MutexLock lock(mutex_);
  const auto at = runners_.find(TypeKey{type.name, type.params_schema});
  return at != runners_.end() && at->second.vouched_ms &&
         now - *at->second.vouched_ms <= limits_.get().offline_after_ms;
}

void WorkerDirectory::void_lease(const std::string& worker_id, const std::string& lease_id) {
  if (worker_id.empty() || lease_id.empty()) return;
  const MutexLock lock(mutex_);
  voided_[worker_id].insert(lease_id);
}

std::vector<model::Lease> WorkerDirectory::take_voided(const std::string& worker_id,
                                                       const std::vector<model::Lease>& held) {
  const MutexLock lock(mutex_);
  const auto found = voided_.find(worker_id);
  if (found == voided_.end()) return {};
  std::vector<model::Lease> out;
  std::set<std::string> still;
  for (const auto& lease : held)
    if (found->second.contains(lease.lease_id)) {
      out.push_back(lease);
      still.insert(lease.lease_id);
    }
  found->second = std::move(still);
  if (out.empty()) voided_.erase(found);
  return out;
}

Status WorkerDirectory::flush() {
  std::vector<ports::Statement> updates;
  std::set<std::string> written;
  {
    const MutexLock lock(mutex_);
    written = std::exchange(dirty_, {});
    for (const std::string& id : written) {
      const auto found = workers_.find(id);
      if (found == workers_.end()) continue;
      const WorkerRecord& w = *found->second;
      updates.push_back({"UPDATE workers SET last_seen_ms = $2, beat = $3 WHERE worker_id = $1",
                         {id, w.last_seen_ms, api::encode(w.beat)}});
    }
  }
  if (updates.empty()) return {};
  const auto done = store_.batch(updates);
  if (done) return {};
  const MutexLock lock(mutex_);
  dirty_.merge(written);
  return done.error();
}

}  // namespace skep::control
