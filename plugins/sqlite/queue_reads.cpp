// Reading: tasks, attempts, completions, counts. All on read-only snapshots.
#include <algorithm>
#include <limits>

#include "queue.hpp"

namespace skep::sqlite {
namespace {

const std::string& select_task() {
  static const std::string sql =
      "SELECT " + task_columns("t") + " FROM worker_tasks t JOIN task_params p USING (seq) WHERE ";
  return sql;
}

/// The text for one state (or all) with only the conditions that are asked for; ?1 state, ?2 type,
/// ?3 site, ?4 worker, ?5 bound, ?6 limit.
std::string page_sql(const skep_queue_query& q, bool by_state) {
  const bool by_worker = q.worker_id.n > 0;
  std::string sql = "SELECT seq FROM worker_tasks WHERE ";
  // A worker has few tasks compared with a state: "+" keeps the planner off the state's index.
  if (by_state) sql += by_worker ? "+state = ?1 AND " : "state = ?1 AND ";
  if (q.type.n > 0) sql += "type = ?2 AND ";
  if (q.site.n > 0) sql += "site = ?3 AND ";
  if (by_worker)
    sql +=
        "((worker_id = ?4 AND worker_id <> '') OR (target_worker = ?4 AND target_worker <> ''))"
        " AND ";
  sql += q.newest_first != 0 ? "seq < ?5 ORDER BY seq DESC LIMIT ?6"
                             : "seq > ?5 ORDER BY seq LIMIT ?6";
  return sql;
}

std::vector<std::int64_t> page_of(Connection& db, const skep_queue_query& q,
                                  const std::uint32_t* state) {
  Statement s = db.prepare(page_sql(q, state != nullptr));
  const bool from_end = q.newest_first != 0 && q.after_seq == 0;
  const std::int64_t bound = from_end ? std::numeric_limits<std::int64_t>::max() : q.after_seq;
  s.bind(state != nullptr ? std::int64_t{*state} : 0, text(q.type), text(q.site), text(q.worker_id),
         bound, q.limit);
  std::vector<std::int64_t> out;
  while (s.step()) out.push_back(s.integer(0));
  return out;
}

/// Each state's page comes from its own index range in order; merging them beats sorting them all.
std::vector<std::int64_t> page(Connection& db, const skep_queue_query& q) {
  if (q.state_count == 0) return page_of(db, q, nullptr);
  std::vector<std::int64_t> all;
  for (std::uint32_t i = 0; i < q.state_count; ++i) {
    const std::vector<std::int64_t> some = page_of(db, q, &q.states[i]);
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  if (q.newest_first != 0) std::reverse(all.begin(), all.end());
  if (all.size() > q.limit) all.resize(q.limit);
  return all;
}

bool matches(const skep_queue_query& q, const skep_queue_task& t) {
  const auto fits = [](skep_view wanted, skep_view is) {
    return wanted.n == 0 || text(wanted) == text(is);
  };
  const bool state_fits = q.state_count == 0 || std::find(q.states, q.states + q.state_count,
                                                          t.state) != q.states + q.state_count;
  return state_fits && fits(q.type, t.type) && fits(q.site, t.site) &&
         (fits(q.worker_id, t.worker_id) || fits(q.worker_id, t.target_worker));
}

void read_one(Connection& db, const skep_queue_query& q, const skep_queue_rows& rows) {
  Statement s = db.prepare(select_task() + "t.id = ?1");
  if (!s.bind(text(q.id)).step()) return;
  const skep_queue_task task = read_task(s, 0);
  if (matches(q, task)) put(rows, task);
}

void read_page(Connection& db, const skep_queue_query& q, const skep_queue_rows& rows) {
  const std::string sql = select_task() + "t.seq = ?1";
  for (const std::int64_t seq : page(db, q)) {
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

}  // namespace

void SqliteQueue::overdue(std::int64_t cutoff_ms, std::string_view worker_id,
                          std::string_view incarnation, const skep_queue_rows& rows) {
  static const std::string sql =
      select_task() +
      "t.seq IN (SELECT seq FROM worker_tasks"
      " WHERE state IN (2, 3, 4) AND state = 4 AND lease_expires_ms < ?1"
      " UNION SELECT seq FROM worker_tasks INDEXED BY tasks_held"
      " WHERE state IN (2, 3, 4) AND worker_id = ?2 AND incarnation <> ?3 AND ?2 <> '')"
      " ORDER BY t.seq";
  db().read("look for overdue leases", [&](Connection& c) {
    Statement s = c.prepare(sql);
    s.bind(cutoff_ms, worker_id, incarnation);
    while (s.step()) put(rows, read_task(s, 0));
  });
}

void SqliteQueue::read(const skep_queue_query& query, const skep_queue_rows& rows) {
  db().read("read tasks", [&](Connection& c) {
    if (query.id.n > 0)
      read_one(c, query, rows);
    else
      read_page(c, query, rows);
  });
}

void SqliteQueue::attempts(std::string_view task_id, const skep_queue_attempts& out) {
  db().read("read attempts", [&](Connection& c) {
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

void SqliteQueue::completions(std::int64_t sequence, std::uint32_t limit,
                              const skep_queue_completions& out) {
  // The newest completion of a task is the task itself; earlier ones have their snapshot.
  static const std::string sql =
      "SELECT c.sequence, " + task_columns("t") +
      " FROM completions c JOIN worker_tasks t ON t.seq = c.seq AND t.completion = c.sequence"
      " JOIN task_params p ON p.seq = c.seq WHERE c.sequence > ?1 UNION ALL SELECT e.sequence, " +
      task_columns("e") +
      " FROM ended_tasks e JOIN worker_tasks t ON t.seq = e.seq"
      " JOIN task_params p ON p.seq = e.seq WHERE e.sequence > ?1 ORDER BY 1 LIMIT ?2";
  db().read("read completions", [&](Connection& c) {
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

void SqliteQueue::stats(const skep_queue_counts& out) {
  db().read("count tasks", [&](Connection& c) {
    Statement s = c.prepare(
        "SELECT state, site, type, count(*), min(created_ms) FROM worker_tasks"
        " GROUP BY state, site, type");
    while (s.step()) {
      const skep_rc rc = out.count(out.ctx, static_cast<std::uint32_t>(s.integer(0)),
                                   view(s.text(1)), view(s.text(2)), s.integer(3), s.integer(4));
      if (rc < 0) throw Fault(rc, "the receiver of the counts stopped");
    }
  });
}

}  // namespace skep::sqlite
