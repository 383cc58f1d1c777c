#include <algorithm>
#include <tuple>

#include "core/conformance/memory_queue.hpp"

namespace skep::conformance {
namespace {

using model::Task;
using model::TaskState;

bool matches(const ports::TaskQuery& q, const Task& t) {
  const auto any_or = [](const std::string& wanted, const std::string& is) {
    return wanted.empty() || wanted == is;
  };
  const bool state =
      q.states.empty() || std::find(q.states.begin(), q.states.end(), t.state) != q.states.end();
  const bool page = !q.id.empty() || q.after_seq == 0 ||
                    (q.newest_first ? t.seq < q.after_seq : t.seq > q.after_seq);
  return state && page && any_or(q.id, t.id) && any_or(q.type, t.spec.type) &&
         any_or(q.site, t.spec.site) && any_or(q.idempotency_key, t.spec.idempotency_key) &&
         (any_or(q.worker_id, t.worker_id) || q.worker_id == t.spec.target_worker);
}

}  // namespace

Result<std::vector<Task>> MemoryQueue::read(const ports::TaskQuery& query) {
  if (before_read) before_read();
  if (read_failure) return *read_failure;
  const MutexLock lock(mutex_);
  std::vector<Task> out;
  for (const auto& entry : entries_)
    if (matches(query, entry->task)) out.push_back(entry->task);
  if (query.newest_first) std::reverse(out.begin(), out.end());
  if (query.id.empty() && out.size() > query.limit) out.resize(query.limit);
  std::size_t bytes = 0;
  const auto heavy = std::find_if(out.begin(), out.end(), [&](const Task& t) {
    return query.max_bytes > 0 && (bytes += weight(t)) >= query.max_bytes;
  });
  if (heavy != out.end()) out.erase(heavy + 1, out.end());
  return out;
}

Result<std::vector<ports::AttemptRow>> MemoryQueue::attempts(std::string_view task_id) {
  const MutexLock lock(mutex_);
  const Entry* entry = find(task_id);
  return entry == nullptr ? std::vector<ports::AttemptRow>() : entry->attempts;
}

Result<std::vector<ports::Completion>> MemoryQueue::completions(std::int64_t after,
                                                                std::uint32_t limit,
                                                                std::size_t max_bytes) {
  const MutexLock lock(mutex_);
  if (after > 0 && last_completion_ == 0)
    return Error{Code::kCorrupt, "this queue has had no completions"};
  std::vector<ports::Completion> out;
  std::size_t bytes = 0;
  for (const ports::Completion& c : completions_) {
    if (c.sequence <= after || out.size() >= limit || (max_bytes > 0 && bytes >= max_bytes))
      continue;
    bytes += weight(c.task);
    out.push_back(c);
  }
  return out;
}

Result<std::vector<ports::TaskCount>> MemoryQueue::stats() {
  if (before_stats) before_stats();
  if (stats_failure) return *stats_failure;
  const MutexLock lock(mutex_);
  std::map<std::tuple<TaskState, std::string, std::string>, ports::TaskCount> counts;
  for (const auto& entry : entries_) {
    const Task& t = entry->task;
    ports::TaskCount& c = counts[{t.state, t.spec.site, t.spec.type}];
    if (c.count == 0) c = {t.state, t.spec.site, t.spec.type, 0, t.created_ms};
    ++c.count;
    c.oldest_created_ms = std::min(c.oldest_created_ms, t.created_ms);
  }
  std::vector<ports::TaskCount> out;
  for (auto& [key, count] : counts) out.push_back(std::move(count));
  return out;
}

Result<std::uint64_t> MemoryQueue::wait(Millis timeout, std::uint64_t token) {
  MutexLock lock(mutex_);
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (version_ == token && changed_.wait_until(lock, end)) continue;
  return version_;
}

}  // namespace skep::conformance
