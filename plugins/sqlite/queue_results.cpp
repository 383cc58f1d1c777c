// complete(): results under their idempotency keys, and what they do to their tasks.
//
// The order of the questions is the contract: known key, known task, possible fence, right worker,
// still current; see the verdicts in skep/kind/queue.h.
#include <algorithm>

#include "queue.hpp"

namespace skep::sqlite {
namespace {

constexpr std::int64_t kMaxDurationMs =
    1'000'000'000'000;  // 31 years: keeps sums far from overflow
constexpr const char* kOutcomes[] = {"succeeded", "failed", "cancelled"};
constexpr const char* kVerdicts[] = {"applied", "applied_late", "duplicate", "superseded",
                                     "orphan_recorded"};

struct Judgement {
  std::int32_t verdict;
  std::string note;
};

void check_result(const skep_queue_result& r, std::size_t index) {
  const auto refuse = [&](const char* what) {
    throw Fault(SKEP_E_INVALID, "results[" + std::to_string(index) + "]: " + what);
  };
  if (r.idempotency_key.n == 0) refuse("no idempotency_key");
  if (r.outcome > SKEP_OUTCOME_CANCELLED) refuse("the outcome is none of SKEP_OUTCOME_*");
}

std::optional<Judgement> judge_key(Connection& db, const skep_queue_result& r) {
  Statement s =
      db.prepare("SELECT body_sha256, verdict FROM worker_results WHERE idempotency_key = ?1");
  if (!s.bind(text(r.idempotency_key)).step()) return std::nullopt;
  if (s.text(0) != text(r.body_sha256))
    return Judgement{SKEP_RESULT_KEY_CONFLICT,
                     "this idempotency key came before with another body"};
  return Judgement{SKEP_RESULT_DUPLICATE, std::string("first time: ") + kVerdicts[s.integer(1)]};
}

void record(Connection& db, std::int64_t now_ms, const skep_queue_result& r, std::int32_t verdict) {
  // An applied result lies in worker_tasks, an orphan in orphan_results.
  const bool keep_body = verdict == SKEP_RESULT_SUPERSEDED;
  db.prepare(
        "INSERT INTO worker_results (idempotency_key, body_sha256, task_id, attempt, worker_id,"
        " outcome, verdict, received_ms, result, error)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
      .bind(text(r.idempotency_key), text(r.body_sha256), text(r.task_id), r.attempt,
            text(r.worker_id), r.outcome, verdict, now_ms,
            keep_body ? text(r.result) : std::string_view(),
            keep_body ? text(r.error) : std::string_view())
      .run();
}

Judgement keep_orphan(Connection& db, std::int64_t now_ms, const skep_queue_result& r,
                      const char* reason) {
  db.prepare(
        "INSERT INTO orphan_results (idempotency_key, body_sha256, task_id, attempt, lease_id,"
        " worker_id, incarnation, outcome, received_ms, reason, result, error)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")
      .bind(text(r.idempotency_key), text(r.body_sha256), text(r.task_id), r.attempt,
            text(r.lease_id), text(r.worker_id), text(r.incarnation), r.outcome, now_ms, reason,
            text(r.result), text(r.error))
      .run();
  record(db, now_ms, r, SKEP_RESULT_ORPHAN_RECORDED);
  return {SKEP_RESULT_ORPHAN_RECORDED, reason};
}

Judgement keep_superseded(Connection& db, std::int64_t now_ms, const TaskCore& task,
                          const skep_queue_result& r) {
  db.prepare(
        "UPDATE task_attempts SET late_outcome = ?3, late_ms = ?4"
        " WHERE seq = ?1 AND attempt = ?2 AND late_outcome = ''")
      .bind(task.seq, r.attempt, kOutcomes[r.outcome], now_ms)
      .run();
  record(db, now_ms, r, SKEP_RESULT_SUPERSEDED);
  if (r.attempt < task.attempt)
    return {SKEP_RESULT_SUPERSEDED, "attempt " + std::to_string(task.attempt) + " took over"};
  return {SKEP_RESULT_SUPERSEDED, is_ended(task.state)
                                      ? "the task had ended already"
                                      : "the attempt was given up; it is tried again"};
}

struct Holder {
  std::string lease_id;
  std::string worker_id;
};

/// Who got the attempt that `r` speaks of; its number is in the range of what was claimed.
Holder holder_of(Connection& db, const TaskCore& task, const skep_queue_result& r) {
  if (task.fenced_by(r.attempt, text(r.lease_id))) return {task.lease_id, task.worker_id};
  Statement s =
      db.prepare("SELECT lease_id, worker_id FROM task_attempts WHERE seq = ?1 AND attempt = ?2");
  if (!s.bind(task.seq, r.attempt).step()) return {};
  return {std::string(s.text(0)), std::string(s.text(1))};
}

void schedule_retry(Connection& db, std::int64_t now_ms, const TaskCore& task,
                    const skep_queue_result& r, std::int64_t started_ms) {
  // The lease id goes: this attempt has said its last word.
  db.prepare(
        "UPDATE worker_tasks SET state = 1, run_at_ms = ?2, started_ms = ?3, result = ?4,"
        " error = ?5, backs_off_since_ms = ?6, lease_id = '', lease_expires_ms = 0"
        " WHERE seq = ?1")
      .bind(task.seq, now_ms + r.retry_delay_ms, started_ms, text(r.result), text(r.error), now_ms)
      .run();
}

std::uint32_t end_state(const TaskCore& task, const skep_queue_result& r) {
  if (r.outcome == SKEP_OUTCOME_SUCCEEDED) return SKEP_TASK_SUCCEEDED;
  if (r.outcome == SKEP_OUTCOME_CANCELLED) return SKEP_TASK_CANCELLED;
  if (r.retry_delay_ms < 0) return SKEP_TASK_FAILED;
  return task.tries_used < task.max_attempts ? SKEP_TASK_WAITING : SKEP_TASK_DEAD;
}

void apply(Connection& db, std::int64_t now_ms, const TaskCore& task, const skep_queue_result& r) {
  // The worker's clock may be wrong; its durations are not. Nothing ends in the future.
  const auto after = [&](std::int64_t from, std::int64_t duration) {
    const std::int64_t at = from + std::clamp<std::int64_t>(duration, 0, kMaxDurationMs);
    return std::max(task.created_ms, std::min(at, now_ms));
  };
  const std::int64_t started = after(task.claimed_ms, r.queued_ms);
  const std::int64_t finished = after(started, r.duration_ms);
  end_attempt(db, task, kOutcomes[r.outcome], text(r.error), started, finished);
  const std::uint32_t state = end_state(task, r);
  if (state == SKEP_TASK_WAITING)
    schedule_retry(db, now_ms, task, r, started);
  else
    end_task(db, task, {state, started, finished, text(r.result), text(r.error)});
}

Judgement judge(Connection& db, std::int64_t now_ms, const skep_queue_result& r) {
  if (auto known = judge_key(db, r)) return std::move(*known);
  const auto task = find_task(db, text(r.task_id));
  if (!task) return keep_orphan(db, now_ms, r, "no such task");
  if (r.attempt < 1 || r.attempt > task->attempt)
    return keep_orphan(db, now_ms, r, "this attempt was never claimed");
  const Holder holder = holder_of(db, *task, r);
  if (holder.lease_id.empty() || holder.lease_id != text(r.lease_id))
    return keep_orphan(db, now_ms, r, "the lease is not the one of this attempt");
  if (holder.worker_id != text(r.worker_id))
    return {SKEP_RESULT_WRONG_WORKER, "the attempt belongs to worker " + holder.worker_id};

  const bool current = task->fenced_by(r.attempt, text(r.lease_id));
  const bool on_time = current && is_held(task->state);
  const bool late = current && !is_ended(task->state) && r.outcome == SKEP_OUTCOME_SUCCEEDED;
  if (!on_time && !late) return keep_superseded(db, now_ms, *task, r);
  apply(db, now_ms, *task, r);
  const std::int32_t verdict = on_time ? SKEP_RESULT_APPLIED : SKEP_RESULT_APPLIED_LATE;
  record(db, now_ms, r, verdict);
  return {verdict, ""};
}

bool applied(const Judgement& j) {
  return j.verdict == SKEP_RESULT_APPLIED || j.verdict == SKEP_RESULT_APPLIED_LATE;
}

}  // namespace

void SqliteQueue::complete(Call& call, std::int64_t now_ms, Array<skep_queue_result> results,
                           const Verdicts& out) {
  for (std::size_t i = 0; i < results.size(); ++i) check_result(results[i], i);
  if (results.empty()) return;
  const auto judgements = db().write(call, "record results", [&](Connection& c) {
    std::vector<Judgement> all;
    all.reserve(results.size());
    for (const skep_queue_result& r : results) all.push_back(judge(c, now_ms, r));
    return all;
  });
  if (std::any_of(judgements.begin(), judgements.end(), applied)) announce();
  for (std::uint32_t i = 0; i < judgements.size(); ++i)
    put(out, i, judgements[i].verdict, judgements[i].note);
}

}  // namespace skep::sqlite
