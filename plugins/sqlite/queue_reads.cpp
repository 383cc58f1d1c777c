// Reading: tasks, attempts, completions, counts. All on read-only snapshots.
#include <algorithm>
#include <chrono>

#include "queue.hpp"
#include "skep/json.hpp"
#include "task_pages.hpp"

namespace skep::sqlite {
namespace {

const std::string& select_task() {
  static const std::string sql =
      "SELECT " + task_columns("t") + " FROM worker_tasks t JOIN task_params p USING (seq) WHERE ";
  return sql;
}

bool matches(const skep_queue_query& q, const skep_queue_task& t) {
  const auto fits = [](skep_view wanted, skep_view is) {
    return wanted.n == 0 || text(wanted) == text(is);
  };
  const bool state_fits = q.state_count == 0 || std::find(q.states, q.states + q.state_count,
                                                          t.state) != q.states + q.state_count;
  return state_fits && fits(q.idempotency_key, t.idempotency_key) && fits(q.type, t.type) &&
         fits(q.site, t.site) &&
         (fits(q.worker_id, t.worker_id) || fits(q.worker_id, t.target_worker));
}

void read_one(Connection& db, const skep_queue_query& q, const skep_queue_rows& rows) {
  const bool by_id = q.id.n > 0;
  Statement s = db.prepare(select_task() + (by_id ? "t.id = ?1" : "t.idempotency_key = ?1"));
  if (!s.bind(text(by_id ? q.id : q.idempotency_key)).step()) return;
  const skep_queue_task task = read_task(s, 0);
  if (matches(q, task)) put(rows, task);
}

void read_page(Connection& db, const skep_queue_query& q, const skep_queue_rows& rows) {
  const std::string sql = select_task() + "t.seq = ?1";
  for (const std::int64_t seq : read_task_page(db, q)) {
    Statement s = db.prepare(sql);
    if (s.bind(seq).step() && !put(rows, read_task(s, 0))) return;
  }
}

skep_queue_attempt read_attempt(const Statement& s, std::string_view task_id) {
  skep_queue_attempt a{};
  a.size = sizeof(a);
  a.task_id = view(task_id);
  a.attempt = s.integer(0);
  a.worker_id = view(s.text(1));
  a.incarnation = view(s.text(2));
  a.lease_id = view(s.text(3));
  a.outcome = view(s.text(4));
  a.error = view(s.text(5));
  a.claimed_ms = s.integer(6);
  a.started_ms = s.integer(7);
  a.finished_ms = s.integer(8);
  a.ended = a.outcome.n > 0 ? 1 : 0;
  return a;
}

/// The highest number that a completion was given.
std::int64_t last_completion(Connection& db) {
  return db.query_int("SELECT seq FROM sqlite_sequence WHERE name = 'completions'");
}

/// The caller has read more than ever happened here. An empty file took the place of the one that
/// it read; or the last completions were lost with the power, or with an older backup, and then
/// new ones must not get numbers that the caller has behind it.
void catch_up(Database& db, Call& call, std::int64_t sequence, std::int64_t last) {
  if (last == 0)
    throw Fault(SKEP_E_CORRUPT,
                "the store has applied completion " + std::to_string(sequence) +
                    ", and this queue has had none: it is not the file that belongs to the store; "
                    "restore a backup of it, or set both aside");
  db.write(call, "number completions", [&](Connection& c) {
    c.prepare("UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'completions' AND seq < ?1")
        .bind(sequence)
        .run();
  });
  call.log(SKEP_LOG_WARN, "queue_older_than_store",
           Json::object({{"completions", last}, {"applied", sequence}}).dump());
}

}  // namespace

void SqliteQueue::overdue(Call& call, std::int64_t cutoff_ms, std::string_view worker_id,
                          std::string_view incarnation, const skep_queue_rows& rows) {
  static const std::string sql =
      select_task() +
      "t.seq IN (SELECT seq FROM worker_tasks INDEXED BY tasks_leased"
      " WHERE state BETWEEN 2 AND 4 AND state = 4 AND lease_expires_ms < ?1"
      " UNION SELECT seq FROM worker_tasks INDEXED BY tasks_held"
      " WHERE state BETWEEN 2 AND 4 AND worker_id = ?2 AND incarnation <> ?3 AND ?2 <> '')"
      " ORDER BY t.seq LIMIT 1000";
  db().read(call, "look for overdue leases", [&](Connection& c) {
    Statement s = c.prepare(sql);
    s.bind(cutoff_ms, worker_id, incarnation);
    while (s.step()) put(rows, read_task(s, 0));
  });
}

void SqliteQueue::read(Call& call, const skep_queue_query& query, const skep_queue_rows& rows) {
  const bool one = query.id.n > 0 || query.idempotency_key.n > 0;
  db().read(
      call, "read tasks",
      [&](Connection& c) { return one ? read_one(c, query, rows) : read_page(c, query, rows); },
      list_time_);
}

void SqliteQueue::attempts(Call& call, std::string_view task_id, const skep_queue_attempts& out) {
  db().read(call, "read attempts", [&](Connection& c) {
    Statement s = c.prepare(
        "SELECT a.attempt, a.worker_id, a.incarnation, a.lease_id, a.outcome, a.error,"
        " a.claimed_ms, a.started_ms, a.finished_ms FROM worker_tasks t"
        " JOIN task_attempts a USING (seq) WHERE t.id = ?1 ORDER BY a.attempt");
    s.bind(task_id);
    while (s.step()) {
      const skep_queue_attempt attempt = read_attempt(s, task_id);
      const skep_rc rc = out.attempt(out.ctx, &attempt);
      if (rc < 0) throw Fault(rc, "the receiver of the attempts stopped");
    }
  });
}

void SqliteQueue::completions(Call& call, std::int64_t sequence, std::uint32_t limit,
                              const skep_queue_completions& out) {
  // The newest completion of a task is the task itself; earlier ones have their snapshot.
  static const std::string sql =
      "SELECT c.sequence, " + task_columns("t") +
      " FROM completions c JOIN worker_tasks t ON t.seq = c.seq AND t.completion = c.sequence"
      " JOIN task_params p ON p.seq = c.seq WHERE c.sequence > ?1 UNION ALL SELECT e.sequence, " +
      task_columns("e") +
      " FROM ended_tasks e JOIN worker_tasks t ON t.seq = e.seq"
      " JOIN task_params p ON p.seq = e.seq WHERE e.sequence > ?1 ORDER BY 1 LIMIT ?2";
  const std::int64_t last = db().read(call, "read completions", last_completion);
  if (sequence > last) catch_up(db(), call, sequence, last);
  db().read(call, "read completions", [&](Connection& c) {
    Statement s = c.prepare(sql);
    s.bind(sequence, limit);
    while (s.step()) {
      const skep_queue_task task = read_task(s, 1);
      const skep_rc rc = out.completion(out.ctx, s.integer(0), &task);
      if (rc < 0) throw Fault(rc, "the receiver of the completions stopped");
      if (rc == SKEP_ENOUGH) return;
    }
  });
}

void SqliteQueue::stats(Call& call, const skep_queue_counts& out) {
  const auto count = [&](Connection& c) {
    Statement s = c.prepare(
        "SELECT g.state, g.site, g.type, g.tasks, t.created_ms FROM (SELECT state, site, type,"
        " count(*) AS tasks, min(seq) AS first FROM worker_tasks INDEXED BY tasks_counted"
        " GROUP BY state, site, type) g JOIN worker_tasks t ON t.seq = g.first");
    while (s.step()) {
      const skep_rc rc = out.count(out.ctx, static_cast<std::uint32_t>(s.integer(0)),
                                   view(s.text(1)), view(s.text(2)), s.integer(3), s.integer(4));
      if (rc < 0) throw Fault(rc, "the receiver of the counts stopped");
    }
  };
  db().read(call, "count tasks", count, list_time_);
}

}  // namespace skep::sqlite
