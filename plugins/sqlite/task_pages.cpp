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

  /// Reads on in the rows `from` (FROM and WHERE; ?1 bound, ?2 limit, the others bound by `more`).
  template <class... More>
  void take(Connection& db, const std::string& from, const More&... more) {
    Statement s = db.prepare("SELECT seq FROM " + from +
                             (newest_first_ ? " AND seq < ?1 ORDER BY seq DESC LIMIT ?2"
                                            : " AND seq > ?1 ORDER BY seq LIMIT ?2"));
    s.bind(bound_, static_cast<std::int64_t>(limit_), more...);
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

/// The site of a task in this state that comes next after `site`, in the index's order.
bool next_site(Connection& db, std::int64_t state, std::string& site) {
  Statement s = db.prepare(
      "SELECT site FROM worker_tasks INDEXED BY tasks_counted WHERE state = ?1 AND site > ?2"
      " ORDER BY site LIMIT 1");
  if (!s.bind(state, site).step()) return false;
  site = s.text(0);
  return true;
}

bool next_type(Connection& db, std::int64_t state, const std::string& site, std::string& type) {
  Statement s = db.prepare(
      "SELECT type FROM worker_tasks INDEXED BY tasks_counted WHERE state = ?1 AND site = ?2"
      " AND type > ?3 ORDER BY type LIMIT 1");
  if (!s.bind(state, site, type).step()) return false;
  type = s.text(0);
  return true;
}

void take_group(Connection& db, std::int64_t state, const std::string& site,
                const std::string& type, Page& page) {
  page.take(db,
            "worker_tasks INDEXED BY tasks_counted WHERE state = ?3 AND site = ?4 AND type = ?5",
            state, site, type);
}

void take_site(Connection& db, const skep_queue_query& q, std::int64_t state,
               const std::string& site, Page& page) {
  if (q.type.n > 0) return take_group(db, state, site, std::string(text(q.type)), page);
  for (std::string type; next_type(db, state, site, type);) take_group(db, state, site, type, page);
}

void take_state(Connection& db, const skep_queue_query& q, std::int64_t state, Page& page) {
  if (q.type.n == 0 && q.site.n == 0)
    return page.take(db, "worker_tasks INDEXED BY tasks_by_state WHERE state = ?3", state);
  if (q.site.n > 0) return take_site(db, q, state, std::string(text(q.site)), page);
  std::string site;
  do take_site(db, q, state, site, page);
  while (next_site(db, state, site));
}

/// What one worker holds or has held, and what is addressed to it, comes from two indexes.
void take_worker(Connection& db, const skep_queue_query& q, const std::int64_t* state, Page& page) {
  page.take(db,
            "worker_tasks WHERE ((worker_id = ?3 AND worker_id <> '') OR"
            " (target_worker = ?3 AND target_worker <> '')) AND (?4 < 0 OR +state = ?4)"
            " AND (?5 = '' OR type = ?5) AND (?6 = '' OR site = ?6)",
            text(q.worker_id), state != nullptr ? *state : std::int64_t{-1}, text(q.type),
            text(q.site));
}

}  // namespace

std::vector<std::int64_t> read_task_page(Connection& db, const skep_queue_query& q) {
  Page page(q);
  std::vector<std::int64_t> states(q.states, q.states + q.state_count);
  if (states.empty() && q.worker_id.n > 0) {
    take_worker(db, q, nullptr, page);
    return page.end();
  }
  if (states.empty() && q.type.n == 0 && q.site.n == 0) {
    page.take(db, "worker_tasks WHERE true");
    return page.end();
  }
  if (states.empty())
    for (std::uint32_t state = 0; state < kStates; ++state) states.push_back(state);
  for (const std::int64_t state : states)
    if (q.worker_id.n > 0)
      take_worker(db, q, &state, page);
    else
      take_state(db, q, state, page);
  return page.end();
}

}  // namespace skep::sqlite
