#include "task_rows.hpp"

#include <cstring>

namespace skep::sqlite {
namespace {

// Hot columns only: params lie beside, so that a renewal does not rewrite them. Partial indexes
// keep what is claimable, due or leased small however many tasks have ended.
constexpr const char* kQueueVersion1 = R"sql(
CREATE TABLE lanes (
  lane_id INTEGER PRIMARY KEY AUTOINCREMENT,
  type TEXT NOT NULL, site TEXT NOT NULL, target_worker TEXT NOT NULL, requirements TEXT NOT NULL,
  UNIQUE (type, site, target_worker, requirements));

CREATE TABLE worker_tasks (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  state INTEGER NOT NULL,
  lane_id INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  type TEXT NOT NULL, site TEXT NOT NULL, target_worker TEXT NOT NULL, requirements TEXT NOT NULL,
  idempotency_key TEXT UNIQUE,
  max_attempts INTEGER NOT NULL,
  timeout_ms INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  run_at_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  tries_used INTEGER NOT NULL DEFAULT 0,
  crash_count INTEGER NOT NULL DEFAULT 0,
  lease_expires_ms INTEGER NOT NULL DEFAULT 0,
  claimed_ms INTEGER NOT NULL DEFAULT 0,
  started_ms INTEGER NOT NULL DEFAULT 0,
  finished_ms INTEGER NOT NULL DEFAULT 0,
  completion INTEGER NOT NULL DEFAULT 0,
  worker_id TEXT NOT NULL DEFAULT '', incarnation TEXT NOT NULL DEFAULT '',
  lease_id TEXT NOT NULL DEFAULT '',
  result TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '');
CREATE INDEX tasks_claimable ON worker_tasks (lane_id, priority DESC, seq, expires_ms)
  WHERE state = 0;
CREATE INDEX tasks_waiting ON worker_tasks (run_at_ms) WHERE state = 1;
CREATE INDEX tasks_expiring ON worker_tasks (expires_ms) WHERE expires_ms > 0 AND state IN (0, 1);
CREATE INDEX tasks_leased ON worker_tasks (state, lease_expires_ms) WHERE state IN (2, 3, 4);
CREATE INDEX tasks_held ON worker_tasks (worker_id) WHERE state IN (2, 3, 4);
CREATE INDEX tasks_of_worker ON worker_tasks (worker_id) WHERE worker_id <> '';
CREATE INDEX tasks_for_worker ON worker_tasks (target_worker) WHERE target_worker <> '';
CREATE INDEX tasks_by_state ON worker_tasks (state);
CREATE INDEX tasks_counted ON worker_tasks (state, site, type, created_ms);

CREATE TABLE task_params (seq INTEGER PRIMARY KEY, params TEXT NOT NULL);

CREATE TABLE task_attempts (
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  worker_id TEXT NOT NULL, incarnation TEXT NOT NULL, lease_id TEXT NOT NULL,
  claimed_ms INTEGER NOT NULL,
  started_ms INTEGER NOT NULL DEFAULT 0,
  finished_ms INTEGER NOT NULL DEFAULT 0,
  outcome TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '',
  late_outcome TEXT NOT NULL DEFAULT '', late_ms INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (seq, attempt)) WITHOUT ROWID;

CREATE TABLE worker_results (
  result_id INTEGER PRIMARY KEY,
  idempotency_key TEXT NOT NULL UNIQUE,
  body_sha256 TEXT NOT NULL,
  task_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  worker_id TEXT NOT NULL,
  outcome INTEGER NOT NULL,
  verdict INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  result TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '');

CREATE TABLE orphan_results (
  orphan_id INTEGER PRIMARY KEY,
  idempotency_key TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  task_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  lease_id TEXT NOT NULL,
  worker_id TEXT NOT NULL, incarnation TEXT NOT NULL,
  outcome INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  reason TEXT NOT NULL,
  result TEXT NOT NULL, error TEXT NOT NULL);

CREATE TABLE completions (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  seq INTEGER NOT NULL);

-- A task as a completion saw it, kept when the task is put back to work afterwards.
CREATE TABLE ended_tasks (
  sequence INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  state INTEGER NOT NULL,
  run_at_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
  attempt INTEGER NOT NULL, tries_used INTEGER NOT NULL, crash_count INTEGER NOT NULL,
  lease_expires_ms INTEGER NOT NULL, claimed_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL,
  finished_ms INTEGER NOT NULL,
  worker_id TEXT NOT NULL, incarnation TEXT NOT NULL, lease_id TEXT NOT NULL,
  result TEXT NOT NULL, error TEXT NOT NULL)
)sql";

// Pages of history by type or by site. Live tasks are few beside it, and change too often.
constexpr const char* kQueueVersion2 = R"sql(
CREATE INDEX tasks_ended_by_type ON worker_tasks (type, state)
  WHERE state IN (5, 6, 7, 8);
CREATE INDEX tasks_ended_by_site ON worker_tasks (site, state)
  WHERE state IN (5, 6, 7, 8)
)sql";

// In a group of the counts tasks come by number, so that pages of any type and site are ranges of
// this index. Each further index of all tasks costs an eighth of the queue's throughput.
constexpr const char* kQueueVersion3 = R"sql(
DROP INDEX tasks_ended_by_type;
DROP INDEX tasks_ended_by_site;
DROP INDEX tasks_counted;
CREATE INDEX tasks_counted ON worker_tasks (state, site, type)
)sql";

// When a retry began to back off, by the clock of then: its delay is known after the clock was set.
constexpr const char* kQueueVersion4 = R"sql(
ALTER TABLE worker_tasks ADD COLUMN backs_off_since_ms INTEGER NOT NULL DEFAULT 0
)sql";

// SQLite makes a list of constants into a table of its own for each row that is written and each
// index with one in its condition. A range is two comparisons.
constexpr const char* kQueueVersion5 = R"sql(
DROP INDEX tasks_expiring;
DROP INDEX tasks_leased;
DROP INDEX tasks_held;
CREATE INDEX tasks_expiring ON worker_tasks (expires_ms)
  WHERE expires_ms > 0 AND state BETWEEN 0 AND 1;
CREATE INDEX tasks_leased ON worker_tasks (state, lease_expires_ms) WHERE state BETWEEN 2 AND 4;
CREATE INDEX tasks_held ON worker_tasks (worker_id) WHERE state BETWEEN 2 AND 4
)sql";

// Pages of one worker's tasks, by groups as well. What it holds now stands in tasks_held, so that
// a row is written here once in an attempt, at its end. And each alternative of a requirement is a
// whole name.
constexpr const char* kQueueVersion6 = R"sql(
DROP INDEX tasks_of_worker;
DROP INDEX tasks_for_worker;
CREATE INDEX tasks_past_of_worker ON worker_tasks (worker_id, state, site, type)
  WHERE worker_id <> '' AND state NOT BETWEEN 2 AND 4;
CREATE INDEX tasks_addressed ON worker_tasks (target_worker, state, site, type)
  WHERE target_worker <> '';
UPDATE worker_tasks SET requirements = replace(requirements, '|', '|params:')
  WHERE requirements LIKE '%|%' AND requirements NOT LIKE '%|params:%';
UPDATE lanes SET requirements = replace(requirements, '|', '|params:')
  WHERE requirements LIKE '%|%' AND requirements NOT LIKE '%|params:%'
)sql";

constexpr std::array kTexts{&skep_queue_task::id,
                            &skep_queue_task::type,
                            &skep_queue_task::site,
                            &skep_queue_task::target_worker,
                            &skep_queue_task::requirements,
                            &skep_queue_task::params,
                            &skep_queue_task::idempotency_key,
                            &skep_queue_task::worker_id,
                            &skep_queue_task::incarnation,
                            &skep_queue_task::lease_id,
                            &skep_queue_task::result,
                            &skep_queue_task::error};

}  // namespace

const std::array<const char*, 6> kQueueMigrations{kQueueVersion1, kQueueVersion2, kQueueVersion3,
                                                  kQueueVersion4, kQueueVersion5, kQueueVersion6};

std::string task_columns(std::string_view live) {
  std::string out =
      "t.seq, t.id, t.type, t.site, t.target_worker, t.requirements, p.params, t.idempotency_key,"
      " t.priority, t.max_attempts, t.timeout_ms, t.created_ms";
  for (const char* column :
       {"state", "run_at_ms", "expires_ms", "attempt", "tries_used", "crash_count",
        "lease_expires_ms", "claimed_ms", "started_ms", "finished_ms", "worker_id", "incarnation",
        "lease_id", "result", "error"})
    out.append(", ").append(live).append(".").append(column);
  return out;
}

skep_queue_task read_task(const Statement& s, int first) {
  skep_queue_task t{};
  t.size = sizeof(t);
  int c = first;
  t.seq = s.integer(c++);
  for (const auto member : {&skep_queue_task::id, &skep_queue_task::type, &skep_queue_task::site,
                            &skep_queue_task::target_worker, &skep_queue_task::requirements,
                            &skep_queue_task::params, &skep_queue_task::idempotency_key})
    t.*member = view(s.text(c++));
  for (const auto member : {&skep_queue_task::priority, &skep_queue_task::max_attempts,
                            &skep_queue_task::timeout_ms, &skep_queue_task::created_ms})
    t.*member = s.integer(c++);
  t.state = static_cast<std::uint32_t>(s.integer(c++));
  for (const auto member :
       {&skep_queue_task::run_at_ms, &skep_queue_task::expires_ms, &skep_queue_task::attempt,
        &skep_queue_task::tries_used, &skep_queue_task::crash_count,
        &skep_queue_task::lease_expires_ms, &skep_queue_task::claimed_ms,
        &skep_queue_task::started_ms, &skep_queue_task::finished_ms})
    t.*member = s.integer(c++);
  for (const auto member :
       {&skep_queue_task::worker_id, &skep_queue_task::incarnation, &skep_queue_task::lease_id,
        &skep_queue_task::result, &skep_queue_task::error})
    t.*member = view(s.text(c++));
  return t;
}

OwnedTask::OwnedTask(const skep_queue_task& row) : row_(row) {
  std::size_t total = 0;
  for (const auto member : kTexts) total += (row.*member).n;
  bytes_ = std::make_unique<char[]>(total);
  char* at = bytes_.get();
  for (const auto member : kTexts) {
    const std::string_view from = text(row.*member);
    if (!from.empty()) std::memcpy(at, from.data(), from.size());
    row_.*member = {at, from.size()};
    at += from.size();
  }
}

std::optional<TaskCore> find_task(Connection& db, std::string_view id) {
  Statement s = db.prepare(
      "SELECT seq, state, attempt, tries_used, max_attempts, crash_count, created_ms, claimed_ms,"
      " started_ms, lease_expires_ms, lease_id, worker_id FROM worker_tasks WHERE id = ?1");
  s.bind(id);
  if (!s.step()) return std::nullopt;
  TaskCore task;
  task.seq = s.integer(0);
  task.state = static_cast<std::uint32_t>(s.integer(1));
  task.attempt = s.integer(2);
  task.tries_used = s.integer(3);
  task.max_attempts = s.integer(4);
  task.crash_count = s.integer(5);
  task.created_ms = s.integer(6);
  task.claimed_ms = s.integer(7);
  task.started_ms = s.integer(8);
  task.lease_expires_ms = s.integer(9);
  task.lease_id = s.text(10);
  task.worker_id = s.text(11);
  return task;
}

void end_task(Connection& db, const TaskCore& task, const Ending& ending) {
  db.prepare("INSERT INTO completions (seq) VALUES (?1)").bind(task.seq).run();
  const std::int64_t sequence = sqlite3_last_insert_rowid(db.handle());
  db.prepare(
        "UPDATE worker_tasks SET state = ?2, started_ms = ?3, finished_ms = ?4, result = ?5,"
        " error = ?6, completion = ?7, lease_expires_ms = 0 WHERE seq = ?1")
      .bind(task.seq, ending.state, ending.started_ms, ending.finished_ms, ending.result,
            ending.error, sequence)
      .run();
}

void end_attempt(Connection& db, const TaskCore& task, std::string_view outcome,
                 std::string_view error, std::int64_t started_ms, std::int64_t finished_ms) {
  db.prepare(
        "UPDATE task_attempts SET outcome = ?3, error = ?4, started_ms = ?5, finished_ms = ?6"
        " WHERE seq = ?1 AND attempt = ?2")
      .bind(task.seq, task.attempt, outcome, error, started_ms, finished_ms)
      .run();
}

bool put(const skep_queue_rows& rows, const skep_queue_task& row) {
  const skep_rc rc = rows.row(rows.ctx, &row);
  if (rc < 0) throw Fault(rc, "the receiver of the rows stopped");
  return rc != SKEP_ENOUGH;
}

void put(const skep_queue_verdicts& out, std::uint32_t index, std::int32_t verdict,
         std::string_view note) {
  const skep_rc rc = out.verdict(out.ctx, index, verdict, view(note));
  if (rc < 0) throw Fault(rc, "the receiver of the verdicts stopped");
}

}  // namespace skep::sqlite
