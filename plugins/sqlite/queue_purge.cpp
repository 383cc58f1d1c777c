// History has an end: what finished long ago goes, oldest first, a batch at a time.
#include "queue.hpp"

namespace skep::sqlite {
namespace {

struct Ended {
  std::int64_t sequence;
  std::int64_t seq;
  bool last;  ///< the task has not been put back to work since
};

/// Completions come in the order of finishing, so their table is the index by age.
std::vector<Ended> oldest(Connection& db, std::int64_t before_ms, std::int64_t sequence,
                          std::uint32_t limit) {
  Statement s = db.prepare(
      "SELECT c.sequence, c.seq, t.completion = c.sequence, coalesce(e.finished_ms, t.finished_ms)"
      " FROM completions c JOIN worker_tasks t ON t.seq = c.seq"
      " LEFT JOIN ended_tasks e ON e.sequence = c.sequence"
      " WHERE c.sequence <= ?1 ORDER BY c.sequence LIMIT ?2");
  s.bind(sequence, limit);
  std::vector<Ended> out;
  while (s.step() && s.integer(3) < before_ms)
    out.push_back({s.integer(0), s.integer(1), s.integer(2) != 0});
  return out;
}

void remove(Connection& db, const char* statement, std::int64_t key) {
  db.prepare(statement).bind(key).run();
}

void forget(Connection& db, const Ended& ended) {
  remove(db, "DELETE FROM completions WHERE sequence = ?1", ended.sequence);
  remove(db, "DELETE FROM ended_tasks WHERE sequence = ?1", ended.sequence);
  if (!ended.last) return;
  remove(db, "DELETE FROM task_attempts WHERE seq = ?1", ended.seq);
  remove(db, "DELETE FROM task_params WHERE seq = ?1", ended.seq);
  remove(db, "DELETE FROM worker_tasks WHERE seq = ?1", ended.seq);
}

std::uint32_t forget_received(Connection& db, const char* statement, std::int64_t before_ms,
                              std::uint32_t limit) {
  return static_cast<std::uint32_t>(db.prepare(statement).bind(before_ms, limit).run());
}

}  // namespace

std::uint32_t SqliteQueue::purge(Call& call, std::int64_t before_ms, std::int64_t sequence,
                                 std::uint32_t limit) {
  return db().write(call, "forget old tasks", [&](Connection& c) {
    const std::vector<Ended> old = oldest(c, before_ms, sequence, limit);
    for (const Ended& ended : old) forget(c, ended);
    auto removed = static_cast<std::uint32_t>(old.size());
    removed += forget_received(c,
                               "DELETE FROM worker_results WHERE received_ms < ?1 AND result_id IN"
                               " (SELECT result_id FROM worker_results ORDER BY 1 LIMIT ?2)",
                               before_ms, limit);
    removed += forget_received(c,
                               "DELETE FROM orphan_results WHERE received_ms < ?1 AND orphan_id IN"
                               " (SELECT orphan_id FROM orphan_results ORDER BY 1 LIMIT ?2)",
                               before_ms, limit);
    return removed;
  });
}

}  // namespace skep::sqlite
