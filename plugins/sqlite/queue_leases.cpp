// What happens to a claimed task before its result: renewals, releases, losses, the operator.
#include <algorithm>
#include <cstdlib>

#include "queue.hpp"

namespace skep::sqlite {
namespace {

constexpr std::int64_t kTickRows = 1'000;
constexpr const char* kExpired =
    R"({"code":"expired","message":"nobody claimed the task before it expired"})";

std::int32_t renew_one(Connection& db, std::int64_t now_ms, const skep_queue_lease& lease,
                       std::int64_t expires_ms) {
  const auto task = find_task(db, text(lease.task_id));
  if (!task) return SKEP_LEASE_UNKNOWN;
  if (!is_held(task->state) || !task->fenced_by(lease.attempt, text(lease.lease_id)))
    return SKEP_LEASE_LOST;
  const bool starts = lease.executing != 0 && task->started_ms == 0;
  const bool stays_claimed = task->state == SKEP_TASK_CLAIMED && lease.executing == 0;
  db.prepare(
        "UPDATE worker_tasks SET state = ?2, lease_expires_ms = ?3, started_ms = ?4"
        " WHERE seq = ?1")
      .bind(task->seq, stays_claimed ? SKEP_TASK_CLAIMED : SKEP_TASK_EXECUTING, expires_ms,
            starts ? now_ms : task->started_ms)
      .run();
  if (starts)
    db.prepare("UPDATE task_attempts SET started_ms = ?3 WHERE seq = ?1 AND attempt = ?2")
        .bind(task->seq, task->attempt, now_ms)
        .run();
  return SKEP_LEASE_HELD;
}

/// What this worker process holds under the claim's id and never said it started.
std::vector<OwnedTask> unseen_of(Connection& db, const skep_queue_filter& filter) {
  static const std::string select =
      "SELECT " + task_columns("t") +
      " FROM worker_tasks t INDEXED BY tasks_held JOIN task_params p USING (seq)"
      " WHERE t.state BETWEEN 2 AND 4 AND t.worker_id = ?1 AND t.incarnation = ?2"
      " AND t.started_ms = 0 AND substr(t.lease_id, 1, length(?3) + 1) = ?3 || '.' ORDER BY "
      "t.priority DESC, t.seq";
  Statement s = db.prepare(select);
  s.bind(text(filter.worker_id), text(filter.incarnation), text(filter.claim_id));
  std::vector<OwnedTask> out;
  while (s.step()) out.emplace_back(read_task(s, 0));
  return out;
}

std::int32_t release_one(Connection& db, std::int64_t now_ms, const skep_queue_lease& lease) {
  const auto task = find_task(db, text(lease.task_id));
  if (!task) return SKEP_LEASE_UNKNOWN;
  if (!is_held(task->state) || !task->fenced_by(lease.attempt, text(lease.lease_id)))
    return SKEP_LEASE_LOST;
  db.prepare(
        "UPDATE worker_tasks SET state = 0, tries_used = max(0, tries_used - 1), run_at_ms = 0,"
        " lease_expires_ms = 0 WHERE seq = ?1")
      .bind(task->seq)
      .run();
  end_attempt(db, *task, "released", "", task->started_ms, now_ms);
  return SKEP_LEASE_HELD;
}

/// Invariant (river#1302): what overdue() saw is checked again here, in the transaction that
/// writes.
bool may_lose(const TaskCore& task, std::int64_t cutoff_ms, const skep_queue_loss& loss) {
  if (!is_held(task.state) || !task.fenced_by(loss.attempt, text(loss.lease_id))) return false;
  return loss.crashed != 0 ||
         (task.state == SKEP_TASK_SUSPECT && task.lease_expires_ms < cutoff_ms);
}

std::int32_t lose_one(Connection& db, std::int64_t now_ms, std::int64_t cutoff_ms,
                      const skep_queue_loss& loss) {
  const auto task = find_task(db, text(loss.task_id));
  if (!task) return SKEP_LEASE_UNKNOWN;
  if (!may_lose(*task, cutoff_ms, loss)) return SKEP_LEASE_LOST;
  const std::int64_t crashes = task->crash_count + (loss.crashed != 0 ? 1 : 0);
  const bool dead = task->tries_used >= task->max_attempts ||
                    (loss.max_crashes > 0 && crashes >= loss.max_crashes);
  const std::string_view error = text(loss.error);
  end_attempt(db, *task, "lost", error, task->started_ms, now_ms);
  // The lease id stays: a late success of this attempt is still welcome until the next claim.
  db.prepare(
        "UPDATE worker_tasks SET state = 1, crash_count = ?2, run_at_ms = ?3, result = '',"
        " error = ?4, backs_off_since_ms = ?5, lease_expires_ms = 0 WHERE seq = ?1")
      .bind(task->seq, crashes, now_ms + std::max<std::int64_t>(0, loss.retry_delay_ms), error,
            now_ms)
      .run();
  if (dead) end_task(db, *task, {SKEP_TASK_DEAD, task->started_ms, now_ms, "", error});
  return SKEP_LEASE_HELD;
}

std::int32_t cancel_one(Connection& db, std::int64_t now_ms, std::string_view id,
                        std::string_view error) {
  const auto task = find_task(db, id);
  if (!task) return SKEP_LEASE_UNKNOWN;
  if (is_ended(task->state)) return SKEP_LEASE_LOST;
  if (is_held(task->state)) end_attempt(db, *task, "cancelled", error, task->started_ms, now_ms);
  end_task(db, *task, {SKEP_TASK_CANCELLED, task->started_ms, now_ms, "", error});
  return SKEP_LEASE_HELD;
}

void keep_snapshot(Connection& db, const TaskCore& task) {
  db.prepare(
        "INSERT INTO ended_tasks SELECT completion, seq, state, run_at_ms, expires_ms, attempt,"
        " tries_used, crash_count, lease_expires_ms, claimed_ms, started_ms, finished_ms,"
        " worker_id, incarnation, lease_id, result, error FROM worker_tasks WHERE seq = ?1")
      .bind(task.seq)
      .run();
}

std::int64_t lane_of(Connection& db, Lanes& lanes, const TaskCore& task) {
  Statement s =
      db.prepare("SELECT type, site, target_worker, requirements FROM worker_tasks WHERE seq = ?1");
  s.bind(task.seq).step();
  return lanes.id_of(db, {s.text(0), s.text(1), s.text(2), s.text(3)});
}

std::int32_t requeue_one(Connection& db, Lanes& lanes, std::int64_t now_ms,
                         const skep_queue_requeue& what) {
  const auto task = find_task(db, text(what.task_id));
  if (!task) return SKEP_LEASE_UNKNOWN;
  if (what.expected_attempt >= 0 && task->attempt != what.expected_attempt) return SKEP_LEASE_LOST;
  if (task->state == SKEP_TASK_QUEUED) return SKEP_LEASE_LOST;
  if (is_ended(task->state)) keep_snapshot(db, *task);
  if (is_held(task->state)) end_attempt(db, *task, "superseded", "", task->started_ms, now_ms);
  db.prepare(
        "UPDATE worker_tasks SET state = 0, lane_id = ?2, tries_used = 0, crash_count = 0,"
        " run_at_ms = 0, expires_ms = iif(expires_ms > ?3, expires_ms, 0), lease_id = '',"
        " lease_expires_ms = 0, claimed_ms = 0, started_ms = 0, finished_ms = 0, completion = 0,"
        " result = '', error = '' WHERE seq = ?1")
      .bind(task->seq, lane_of(db, lanes, *task), now_ms)
      .run();
  return SKEP_LEASE_HELD;
}

std::int64_t expire_some(Connection& db, std::int64_t now_ms) {
  std::vector<TaskCore> expired;
  {
    Statement s = db.prepare(
        "SELECT seq, started_ms FROM worker_tasks INDEXED BY tasks_expiring WHERE expires_ms > 0"
        " AND state BETWEEN 0 AND 1 AND expires_ms <= ?1 ORDER BY expires_ms, seq LIMIT ?2");
    s.bind(now_ms, kTickRows);
    while (s.step()) {
      TaskCore task;
      task.seq = s.integer(0);
      task.started_ms = s.integer(1);
      expired.push_back(task);
    }
  }
  for (const TaskCore& task : expired)
    end_task(db, task, {SKEP_TASK_CANCELLED, task.started_ms, now_ms, "", kExpired});
  return static_cast<std::int64_t>(expired.size());
}

/// Returns the largest number of rows that one kind of move touched: kTickRows means there is more.
std::int64_t move_due(Connection& db, std::int64_t now_ms) {
  const std::int64_t expired = expire_some(db, now_ms);
  const std::int64_t due =
      db.prepare(
            "UPDATE worker_tasks SET state = 0 WHERE seq IN (SELECT seq FROM worker_tasks"
            " INDEXED BY tasks_waiting WHERE state = 1 AND run_at_ms <= ?1"
            " ORDER BY run_at_ms LIMIT ?2)")
          .bind(now_ms, kTickRows)
          .run();
  std::int64_t most = std::max(expired, due);
  for (const std::uint32_t state : {SKEP_TASK_CLAIMED, SKEP_TASK_EXECUTING})
    most = std::max(most, db.prepare("UPDATE worker_tasks SET state = 4 WHERE seq IN (SELECT seq"
                                     " FROM worker_tasks INDEXED BY tasks_leased"
                                     " WHERE state BETWEEN 2 AND 4 AND state = ?1"
                                     " AND lease_expires_ms < ?2 LIMIT ?3)")
                              .bind(state, now_ms, kTickRows)
                              .run());
  return most;
}

/// The next instant at which move_due() finds something, or 0.
std::int64_t next_due(Connection& db) {
  static constexpr const char* kFirsts[] = {
      "SELECT run_at_ms FROM worker_tasks INDEXED BY tasks_waiting WHERE state = 1"
      " AND run_at_ms > 0 ORDER BY run_at_ms LIMIT 1",
      "SELECT expires_ms FROM worker_tasks INDEXED BY tasks_expiring WHERE expires_ms > 0"
      " AND state BETWEEN 0 AND 1 ORDER BY expires_ms LIMIT 1",
      "SELECT lease_expires_ms + 1 FROM worker_tasks INDEXED BY tasks_leased"
      " WHERE state BETWEEN 2 AND 4 AND state = 2 ORDER BY lease_expires_ms LIMIT 1",
      "SELECT lease_expires_ms + 1 FROM worker_tasks INDEXED BY tasks_leased"
      " WHERE state BETWEEN 2 AND 4 AND state = 3 ORDER BY lease_expires_ms LIMIT 1"};
  std::int64_t next = 0;
  for (const char* sql : kFirsts)
    if (const std::int64_t at = db.query_int(sql); at != 0 && (next == 0 || at < next)) next = at;
  return next;
}

/// One write transaction over all items; one verdict each.
template <class Items, class One>
std::vector<std::int32_t> each(Database& db, Call& call, std::string_view doing, const Items& items,
                               One one) {
  if (items.empty()) return {};
  return db.write(call, doing, [&](Connection& c) {
    std::vector<std::int32_t> verdicts;
    verdicts.reserve(items.size());
    for (const auto& item : items) verdicts.push_back(one(c, item));
    return verdicts;
  });
}

bool any_done(const std::vector<std::int32_t>& verdicts) {
  return std::find(verdicts.begin(), verdicts.end(), SKEP_LEASE_HELD) != verdicts.end();
}

void deliver(const std::vector<std::int32_t>& verdicts, const skep_queue_verdicts& out) {
  for (std::uint32_t i = 0; i < verdicts.size(); ++i) put(out, i, verdicts[i]);
}

}  // namespace

bool SqliteQueue::claim_again(Call& call, std::int64_t now_ms, const skep_queue_filter& filter,
                              const skep_queue_rows& rows) {
  const std::vector<OwnedTask> unseen = db().write(call, "repeat a claim", [&](Connection& c) {
    for (const OwnedTask& task : unseen_of(c, filter)) {
      skep_queue_lease lease{};
      lease.task_id = task.row().id;
      lease.lease_id = task.row().lease_id;
      lease.attempt = task.row().attempt;
      renew_one(c, now_ms, lease, now_ms + filter.lease_ms);
    }
    return unseen_of(c, filter);
  });
  for (const OwnedTask& task : unseen) put(rows, task.row());
  return !unseen.empty();
}

void SqliteQueue::renew(Call& call, std::int64_t now_ms, Array<skep_queue_lease> leases,
                        std::int64_t lease_ms, const Verdicts& out) {
  if (lease_ms <= 0) throw Fault(SKEP_E_INVALID, "lease_ms is not positive");
  sqlite::deliver(each(db(), call, "renew leases", leases,
                       [&](Connection& c, const skep_queue_lease& lease) {
                         return renew_one(c, now_ms, lease, now_ms + lease_ms);
                       }),
                  out);
}

void SqliteQueue::release(Call& call, std::int64_t now_ms, Array<skep_queue_lease> leases,
                          const Verdicts& out) {
  const auto verdicts = each(
      db(), call, "release leases", leases,
      [&](Connection& c, const skep_queue_lease& lease) { return release_one(c, now_ms, lease); });
  if (any_done(verdicts)) announce();
  sqlite::deliver(verdicts, out);
}

void SqliteQueue::lose(Call& call, std::int64_t now_ms, std::int64_t cutoff_ms,
                       Array<skep_queue_loss> losses, const Verdicts& out) {
  const auto verdicts =
      each(db(), call, "give attempts up", losses, [&](Connection& c, const skep_queue_loss& loss) {
        return lose_one(c, now_ms, cutoff_ms, loss);
      });
  if (any_done(verdicts)) announce();
  sqlite::deliver(verdicts, out);
}

void SqliteQueue::cancel(Call& call, std::int64_t now_ms, std::string_view task_id,
                         std::string_view error, const Verdicts& out) {
  const std::int32_t verdict = db().write(
      call, "cancel a task", [&](Connection& c) { return cancel_one(c, now_ms, task_id, error); });
  if (verdict == SKEP_LEASE_HELD) announce();
  put(out, 0, verdict);
}

void SqliteQueue::requeue(Call& call, std::int64_t now_ms, const skep_queue_requeue& what,
                          const Verdicts& out) {
  const std::int32_t verdict = db().write(
      call, "requeue a task", [&](Connection& c) { return requeue_one(c, lanes_, now_ms, what); });
  if (verdict == SKEP_LEASE_HELD) announce();
  put(out, 0, verdict);
}

/// A delay is no instant: what backs off keeps its delay when the clock is set, also when it was
/// set back while nobody looked, which the first tick finds out.
void SqliteQueue::follow_clock(Call& call, std::int64_t now_ms, std::int64_t monotonic_ms) {
  constexpr std::int64_t kStep = 60'000;
  std::int64_t last = 0;
  std::int64_t set_by = 0;
  {
    const std::lock_guard lock(mutex_);
    last = ticked_ms_;
    const bool told = ticked_mono_ms_ != 0 && monotonic_ms >= ticked_mono_ms_;
    if (last != 0)
      set_by = told ? now_ms - last - (monotonic_ms - ticked_mono_ms_)
                    : std::min<std::int64_t>(0, now_ms - last);
  }
  if (last == 0)
    db().write(call, "follow the clock", [&](Connection& c) {
      c.prepare(
           "UPDATE worker_tasks SET run_at_ms = max(1, run_at_ms + ?1 - backs_off_since_ms),"
           " backs_off_since_ms = ?1 WHERE seq IN (SELECT seq FROM worker_tasks"
           " INDEXED BY tasks_waiting WHERE state = 1 AND run_at_ms > ?1) AND attempt > 0"
           " AND backs_off_since_ms > ?1 + ?2")
          .bind(now_ms, kStep)
          .run();
    });
  else if (std::abs(set_by) >= kStep)
    db().write(call, "follow the clock", [&](Connection& c) {
      // What was due before the clock was set stays so.
      c.prepare(
           "UPDATE worker_tasks SET run_at_ms = max(1, run_at_ms + ?2),"
           " backs_off_since_ms = max(1, min(?1, backs_off_since_ms + ?2))"
           " WHERE seq IN (SELECT seq FROM worker_tasks INDEXED BY tasks_waiting"
           " WHERE state = 1 AND run_at_ms > min(?1, ?1 - ?2)) AND attempt > 0")
          .bind(now_ms, set_by)
          .run();
    });
  const std::lock_guard lock(mutex_);
  ticked_ms_ = now_ms;
  ticked_mono_ms_ = monotonic_ms;
}

std::int64_t SqliteQueue::tick(Call& call, std::int64_t now_ms, std::int64_t monotonic_ms) {
  if (now_ms > 0) follow_clock(call, now_ms, monotonic_ms);
  const auto look = [&] { return db().read(call, "look for due tasks", next_due); };
  std::int64_t next = look();
  if (next != 0 && next <= now_ms) {
    std::int64_t moved = kTickRows;
    while (moved == kTickRows)
      moved =
          db().write(call, "move due tasks", [&](Connection& c) { return move_due(c, now_ms); });
    announce();
    next = look();
  }
  if (lanes_.crowded())
    db().write(call, "drop empty lanes", [&](Connection& c) { lanes_.drop_empty(c); });
  return next;
}

}  // namespace skep::sqlite
