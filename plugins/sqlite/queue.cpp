// Lifecycle, enqueue and claim.
#include "queue.hpp"

#include <sys/random.h>

#include <algorithm>
#include <chrono>

namespace skep::sqlite {
namespace {

constexpr Schema kQueueSchema{"queue", 0x534b5051, kQueueMigrations};  // "SKPQ"
constexpr std::int64_t kMaxWaitMs = 3'600'000;
constexpr std::uint32_t kMaxClaim = 10'000;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view s) {
  return !s.empty() && s.size() <= 128 && is_alnum(s.front()) &&
         std::all_of(s.begin(), s.end(),
                     [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

void check_task(const skep_queue_task& task, std::size_t index) {
  const auto refuse = [&](const std::string& what) {
    throw Fault(SKEP_E_INVALID, "tasks[" + std::to_string(index) + "]: " + what);
  };
  if (!is_name(text(task.id)))
    refuse("the id \"" + std::string(clip_text(text(task.id), 140)) +
           "\" is not [A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  if (task.type.n == 0) refuse("the type is empty");
  if (task.priority < 0 || task.priority > 9)
    refuse("the priority is " + std::to_string(task.priority) + ", not 0 to 9");
  if (task.max_attempts < 1) refuse("max_attempts is less than 1");
}

/// Undoes an enqueue of which a task conflicts.
struct Conflicted {
  SqliteQueue::Decisions decisions;
};

std::string_view or_default(skep_view v, std::string_view fallback) {
  return v.n == 0 ? fallback : text(v);
}

bool same_work(const skep_queue_task& a, const skep_queue_task& b) {
  return text(a.type) == text(b.type) && text(a.site) == text(b.site) &&
         text(a.target_worker) == text(b.target_worker) &&
         or_default(a.requirements, "[]") == or_default(b.requirements, "[]") &&
         or_default(a.params, "{}") == or_default(b.params, "{}") &&
         text(a.idempotency_key) == text(b.idempotency_key) && a.priority == b.priority &&
         a.max_attempts == b.max_attempts && a.timeout_ms == b.timeout_ms;
}

std::optional<OwnedTask> find_holder(Connection& db, const char* condition,
                                     std::string_view value) {
  static const std::string select =
      "SELECT " + task_columns("t") + " FROM worker_tasks t JOIN task_params p USING (seq) WHERE ";
  Statement s = db.prepare(select + condition);
  s.bind(value);
  if (!s.step()) return std::nullopt;
  return OwnedTask(read_task(s, 0));
}

/// `count` lease ids: the claim's id and 128 random bits in hex.
std::vector<std::string> make_lease_ids(std::string_view claim_id, std::size_t count) {
  constexpr char kHex[] = "0123456789abcdef";
  const std::string prefix = claim_id.empty() ? "" : std::string(claim_id) + ".";
  std::vector<std::string> out(count, prefix);
  for (std::string& id : out) {
    unsigned char bytes[16];
    if (::getrandom(bytes, sizeof(bytes), 0) != static_cast<ssize_t>(sizeof(bytes)))
      throw Fault(SKEP_E_UNAVAILABLE, "the kernel gave no random bytes for a lease id");
    for (const unsigned char b : bytes) {
      id += kHex[b >> 4];
      id += kHex[b & 15];
    }
  }
  return out;
}

struct Candidate {
  std::int64_t seq;
  std::int64_t priority;
};

// The WHERE terms name the partial index tasks_claimable; the index alone answers.
constexpr const char* kHeads =
    "SELECT seq, priority FROM worker_tasks INDEXED BY tasks_claimable"
    " WHERE state = 0 AND lane_id = ?1 AND (expires_ms = 0 OR expires_ms > ?2)"
    " ORDER BY priority DESC, seq LIMIT ?3";

bool has_work(Connection& db, std::int64_t now_ms, const std::vector<std::int64_t>& lanes) {
  return std::any_of(lanes.begin(), lanes.end(), [&](std::int64_t lane) {
    Statement heads = db.prepare(kHeads);
    return heads.bind(lane, now_ms, 1).step();
  });
}

std::vector<Candidate> first_of(Connection& db, std::int64_t now_ms, std::uint32_t max,
                                const std::vector<std::int64_t>& lanes) {
  std::vector<Candidate> out;
  for (const std::int64_t lane : lanes) {
    Statement heads = db.prepare(kHeads);
    heads.bind(lane, now_ms, max);
    while (heads.step()) out.push_back({heads.integer(0), heads.integer(1)});
  }
  const auto order = [](const Candidate& a, const Candidate& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.seq < b.seq;
  };
  std::sort(out.begin(), out.end(), order);
  if (out.size() > max) out.resize(max);
  return out;
}

OwnedTask lease_out(Connection& db, std::int64_t now_ms, const skep_queue_filter& filter,
                    std::int64_t seq, std::string_view lease_id) {
  static const std::string select = "SELECT " + task_columns("t") +
                                    " FROM worker_tasks t JOIN task_params p USING (seq)"
                                    " WHERE t.seq = ?1";
  db.prepare(
        "UPDATE worker_tasks SET state = 2, attempt = attempt + 1, tries_used = tries_used + 1,"
        " lease_id = ?2, worker_id = ?3, incarnation = ?4, claimed_ms = ?5, started_ms = 0,"
        " finished_ms = 0, lease_expires_ms = ?6 WHERE seq = ?1")
      .bind(seq, lease_id, text(filter.worker_id), text(filter.incarnation), now_ms,
            now_ms + filter.lease_ms)
      .run();
  Statement s = db.prepare(select);
  s.bind(seq).step();
  OwnedTask task(read_task(s, 0));
  db.prepare(
        "INSERT INTO task_attempts (seq, attempt, worker_id, incarnation, lease_id, claimed_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
      .bind(seq, task.row().attempt, text(filter.worker_id), text(filter.incarnation), lease_id,
            now_ms)
      .run();
  return task;
}

}  // namespace

SqliteQueue::SqliteQueue(std::string_view config, std::chrono::milliseconds list_time)
    : options_(Options::parse(config, "queue.db")), list_time_(list_time) {}

void SqliteQueue::start(Call& /*call*/) {
  database_ = std::make_unique<Database>(options_, kQueueSchema, [this] { lanes_.invalidate(); });
  const std::lock_guard lock(mutex_);
  draining_until_ = {};
}

void SqliteQueue::drain(Call& call) { stop_waiting(call.deadline()); }

void SqliteQueue::stop_waiting(Clock::time_point until) {
  const std::lock_guard lock(mutex_);
  draining_until_ = until;
  changed_.notify_all();
}

void SqliteQueue::stop(Call& /*call*/) {
  stop_waiting(Clock::time_point::max());
  database_.reset();
  lanes_.invalidate();
}

Database& SqliteQueue::db() {
  if (database_ == nullptr) throw Fault(SKEP_E_STATE, "the queue is not started");
  return *database_;
}

void SqliteQueue::announce() {
  const std::lock_guard lock(mutex_);
  ++version_;
  changed_.notify_all();
}

void SqliteQueue::wait(Call& call, std::int64_t timeout_ms, std::uint64_t& token) {
  const auto until =
      Clock::now() + std::chrono::milliseconds(std::clamp<std::int64_t>(timeout_ms, 0, kMaxWaitMs));
  const auto over = [&] { return version_ != token || Clock::now() < draining_until_; };
  std::unique_lock lock(mutex_);
  if (!over() && Clock::now() < until) {
    lock.unlock();
    const std::stop_token stop = call.stop_token();  // makes a thread
    lock.lock();
    changed_.wait_until(lock, stop, until, over);
  }
  token = version_;
}

void SqliteQueue::deliver(const Decisions& decisions, const Verdicts& out) {
  for (std::uint32_t i = 0; i < decisions.size(); ++i)
    put(out, i, decisions[i].verdict, decisions[i].note);
}

void SqliteQueue::enqueue(Call& call, std::int64_t now_ms, Array<skep_queue_task> tasks,
                          const Verdicts& out) {
  for (std::size_t i = 0; i < tasks.size(); ++i) check_task(tasks[i], i);
  if (tasks.empty()) return;
  try {
    const Decisions decisions =
        db().write(call, "enqueue tasks", [&](Connection& c) { return add_all(c, now_ms, tasks); });
    announce();
    deliver(decisions, out);
  } catch (const Conflicted& refused) {
    deliver(refused.decisions, out);
  }
}

SqliteQueue::Decisions SqliteQueue::add_all(Connection& db, std::int64_t now_ms,
                                            Array<skep_queue_task> tasks) {
  Decisions out;
  out.reserve(tasks.size());
  for (const skep_queue_task& task : tasks) out.push_back(add(db, now_ms, task));
  const auto conflicts = [](const Decided& d) { return d.verdict == SKEP_ENQUEUE_CONFLICT; };
  if (std::any_of(out.begin(), out.end(), conflicts)) throw Conflicted{std::move(out)};
  return out;
}

SqliteQueue::Decided SqliteQueue::add(Connection& db, std::int64_t now_ms,
                                      const skep_queue_task& task) {
  const auto standing = [&](const OwnedTask& holder) -> Decided {
    const bool same = same_work(holder.row(), task);
    return {same ? SKEP_ENQUEUE_EXISTS : SKEP_ENQUEUE_CONFLICT, std::string(text(holder.row().id))};
  };
  if (task.idempotency_key.n > 0)
    if (auto holder = find_holder(db, "t.idempotency_key = ?1", text(task.idempotency_key)))
      return standing(*holder);

  const std::string_view requirements = or_default(task.requirements, "[]");
  const std::int64_t lane =
      lanes_.id_of(db, {text(task.type), text(task.site), text(task.target_worker), requirements});
  Statement insert = db.prepare(
      "INSERT INTO worker_tasks (id, state, lane_id, priority, type, site, target_worker,"
      " requirements, idempotency_key, max_attempts, timeout_ms, created_ms, run_at_ms,"
      " expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, nullif(?9, ''), ?10, ?11, ?12, ?13,"
      " ?14) ON CONFLICT (id) DO NOTHING");
  insert.bind(text(task.id), task.run_at_ms > now_ms ? SKEP_TASK_WAITING : SKEP_TASK_QUEUED, lane,
              task.priority, text(task.type), text(task.site), text(task.target_worker),
              requirements, text(task.idempotency_key), task.max_attempts, task.timeout_ms,
              task.created_ms != 0 ? task.created_ms : now_ms, task.run_at_ms, task.expires_ms);
  if (insert.run() == 0) {
    const auto holder = find_holder(db, "t.id = ?1", text(task.id));
    if (!holder) throw Fault(SKEP_E_CORRUPT, "the index of task ids disagrees with its table");
    return standing(*holder);
  }
  db.prepare("INSERT INTO task_params (seq, params) VALUES (?1, ?2)")
      .bind(sqlite3_last_insert_rowid(db.handle()), or_default(task.params, "{}"))
      .run();
  return {SKEP_ENQUEUED, std::string(text(task.id))};
}

void SqliteQueue::claim(Call& call, std::int64_t now_ms, const skep_queue_filter& filter,
                        const skep_queue_rows& rows) {
  if (filter.lease_ms <= 0) throw Fault(SKEP_E_INVALID, "lease_ms is not positive");
  if (filter.max == 0 || filter.type_count == 0) return;
  if (filter.repeated != 0 && claim_again(call, now_ms, filter, rows)) return;
  if (!lanes_.stale()) {
    // Idle workers ask all the time: looking costs neither a transaction nor an fsync.
    const std::vector<std::int64_t> lanes = lanes_.eligible(filter);
    if (lanes.empty()) return;
    if (!db().read(call, "look for work",
                   [&](Connection& c) { return has_work(c, now_ms, lanes); }))
      return;
  }
  const std::vector<OwnedTask> claimed =
      db().write(call, "claim tasks", [&](Connection& c) { return claim_from(c, now_ms, filter); });
  for (const OwnedTask& task : claimed) put(rows, task.row());
}

std::vector<OwnedTask> SqliteQueue::claim_from(Connection& db, std::int64_t now_ms,
                                               const skep_queue_filter& filter) {
  lanes_.refresh(db);
  const std::vector<Candidate> chosen =
      first_of(db, now_ms, std::min(filter.max, kMaxClaim), lanes_.eligible(filter));
  const std::vector<std::string> leases = make_lease_ids(text(filter.claim_id), chosen.size());
  std::vector<OwnedTask> out;
  out.reserve(chosen.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (filter.max_bytes > 0 && bytes >= filter.max_bytes) break;
    out.push_back(lease_out(db, now_ms, filter, chosen[i].seq, leases[i]));
    bytes += out.back().row().params.n;
  }
  return out;
}

}  // namespace skep::sqlite
