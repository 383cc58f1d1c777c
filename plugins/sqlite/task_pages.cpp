#include "task_pages.hpp"

#include <algorithm>
#include <limits>

namespace skep::sqlite {
namespace {

constexpr std::uint32_t kStates = SKEP_TASK_DEAD + 1;

/// The best of several ranges, each of which comes in order.
class Page {
 public:
  explicit Page(const skep_queue_query& q)
      : newest_first_(q.newest_first != 0), limit_(q.limit), bound_(q.after_seq) {
    if (newest_first_ && bound_ == 0) bound_ = std::numeric_limits<std::int64_t>::max();
  }

  /// Reads on in the rows `from` (FROM and WHERE; ?1 worker, ?2 bound, ?3 limit, the others bound
  /// by `more`).
  template <class... More>
  void take(Connection& db, const std::string& from, std::string_view worker, const More&... more) {
    Statement s = db.prepare("SELECT seq FROM " + from +
                             (newest_first_ ? " AND seq < ?2 ORDER BY seq DESC LIMIT ?3"
                                            : " AND seq > ?2 ORDER BY seq LIMIT ?3"));
    s.bind(worker, bound_, static_cast<std::int64_t>(limit_), more...);
    const std::size_t middle = all_.size();
    while (s.step() && (middle < limit_ || before(s.integer(0), all_[middle - 1])))
      all_.push_back(s.integer(0));
    std::inplace_merge(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(middle), all_.end(),
                       [&](std::int64_t a, std::int64_t b) { return before(a, b); });
    all_.erase(std::unique(all_.begin(), all_.end()), all_.end());
    if (all_.size() > limit_) all_.resize(limit_);
  }
  std::vector<std::int64_t> end() { return std::move(all_); }

 private:
  bool before(std::int64_t a, std::int64_t b) const { return newest_first_ ? a > b : a < b; }

  const bool newest_first_;
  const std::size_t limit_;
  std::int64_t bound_;
  std::vector<std::int64_t> all_;
};

/// Rows that an index has by state, site and type, each group in the order of numbers.
struct Source {
  std::string rows;         ///< FROM and the beginning of WHERE; ?1 is `worker`
  std::string_view worker;  ///< "" where `rows` names none
};

Source everything() { return {"worker_tasks INDEXED BY tasks_counted WHERE ", {}}; }

/// What the worker has held. What it holds now is few: see take_held.
Source past_of(std::string_view worker) {
  return {
      "worker_tasks INDEXED BY tasks_past_of_worker WHERE worker_id = ?1 AND worker_id <> ''"
      " AND state NOT BETWEEN 2 AND 4 AND ",
      worker};
}

Source addressed_to(std::string_view worker) {
  return {
      "worker_tasks INDEXED BY tasks_addressed WHERE target_worker = ?1"
      " AND target_worker <> '' AND ",
      worker};
}

/// The site of a task in this state that comes next after `site`, in the index's order.
bool next_site(Connection& db, const Source& from, std::int64_t state, std::string& site) {
  Statement s = db.prepare("SELECT site FROM " + from.rows +
                           "state = ?2 AND site > ?3 ORDER BY site LIMIT 1");
  if (!s.bind(from.worker, state, site).step()) return false;
  site = s.text(0);
  return true;
}

bool next_type(Connection& db, const Source& from, std::int64_t state, const std::string& site,
               std::string& type) {
  Statement s = db.prepare("SELECT type FROM " + from.rows +
                           "state = ?2 AND site = ?3 AND type > ?4 ORDER BY type LIMIT 1");
  if (!s.bind(from.worker, state, site, type).step()) return false;
  type = s.text(0);
  return true;
}

void take_group(Connection& db, const Source& from, std::int64_t state, const std::string& site,
                const std::string& type, Page& page) {
  page.take(db, from.rows + "state = ?4 AND site = ?5 AND type = ?6", from.worker, state, site,
            type);
}

void take_site(Connection& db, const skep_queue_query& q, const Source& from, std::int64_t state,
               const std::string& site, Page& page) {
  if (q.type.n > 0) return take_group(db, from, state, site, std::string(text(q.type)), page);
  for (std::string type; next_type(db, from, state, site, type);)
    take_group(db, from, state, site, type, page);
}

void take_groups(Connection& db, const skep_queue_query& q, const Source& from, std::int64_t state,
                 Page& page) {
  if (q.site.n > 0) return take_site(db, q, from, state, std::string(text(q.site)), page);
  std::string site;
  do take_site(db, q, from, state, site, page);
  while (next_site(db, from, state, site));
}

/// What a worker holds now is no more than it has room for.
void take_held(Connection& db, const skep_queue_query& q, std::int64_t state, Page& page) {
  page.take(db,
            "worker_tasks INDEXED BY tasks_held WHERE worker_id = ?1 AND state BETWEEN 2 AND 4"
            " AND +state = ?4 AND (?5 = '' OR site = ?5) AND (?6 = '' OR type = ?6)",
            text(q.worker_id), state, text(q.site), text(q.type));
}

void take_state(Connection& db, const skep_queue_query& q, std::int64_t state, Page& page) {
  if (q.worker_id.n > 0) {
    const bool held = state >= SKEP_TASK_CLAIMED && state <= SKEP_TASK_SUSPECT;
    if (held) take_held(db, q, state, page);
    if (!held) take_groups(db, q, past_of(text(q.worker_id)), state, page);
    return take_groups(db, q, addressed_to(text(q.worker_id)), state, page);
  }
  if (q.type.n == 0 && q.site.n == 0)
    return page.take(db, "worker_tasks INDEXED BY tasks_by_state WHERE state = ?4", {}, state);
  take_groups(db, q, everything(), state, page);
}

}  // namespace

std::vector<std::int64_t> read_task_page(Connection& db, const skep_queue_query& q) {
  Page page(q);
  std::vector<std::int64_t> states(q.states, q.states + q.state_count);
  if (states.empty() && q.worker_id.n == 0 && q.type.n == 0 && q.site.n == 0) {
    page.take(db, "worker_tasks WHERE true", {});
    return page.end();
  }
  if (states.empty())
    for (std::uint32_t state = 0; state < kStates; ++state) states.push_back(state);
  for (const std::int64_t state : states) take_state(db, q, state, page);
  return page.end();
}

}  // namespace skep::sqlite
