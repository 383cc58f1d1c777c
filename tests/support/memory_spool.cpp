#include "tests/support/memory_spool.hpp"

#include <array>

#include "core/base/id.hpp"
#include "core/model/task.hpp"

namespace skep::test {
namespace {

constexpr std::array<std::string_view, 3> kEvictable{"health", "facts", "logs"};

std::int64_t size_of(const ports::SpoolItem& item) {
  return static_cast<std::int64_t>(item.body.size());
}

}  // namespace

std::int64_t MemorySpool::used() const {
  std::int64_t bytes = 0;
  for (const auto& [name, held] : held_) bytes += size_of(held.item);
  return bytes;
}

bool MemorySpool::fits(std::int64_t bytes, std::int64_t items, bool reserved) const {
  return used() + bytes + (reserved ? 0 : reserved_) <= limits_.max_bytes &&
         (reserved || static_cast<std::int64_t>(held_.size()) + items <= limits_.max_items);
}

bool MemorySpool::evict_one(std::string_view payload_type) {
  for (auto at = held_.begin(); at != held_.end(); ++at) {
    if (!at->second.ready || at->second.item.payload_type != payload_type) continue;
    held_.erase(at);
    ++evicted_;
    return true;
  }
  return false;
}

bool MemorySpool::make_room(std::int64_t bytes, std::int64_t items, bool reserved) {
  for (const std::string_view type : kEvictable)
    while (!fits(bytes, items, reserved) && evict_one(type)) {
    }
  return fits(bytes, items, reserved);
}

Status MemorySpool::reserve(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  const auto want = static_cast<std::int64_t>(bytes);
  if (!make_room(want, 1, false)) return Error{Code::kNoMemory, "no room in the spool"};
  reserved_ += want;
  return {};
}

void MemorySpool::unreserve(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  reserved_ = std::max<std::int64_t>(0, reserved_ - static_cast<std::int64_t>(bytes));
}

Status MemorySpool::check(std::span<const ports::SpoolItem> items) const {
  if (failure_) return Error{*failure_, "put fails on demand"};
  for (const ports::SpoolItem& item : items)
    if (!model::parse_payload_type(item.payload_type) || !is_name(item.task_id) ||
        !item.body.starts_with('{') || item.body == "{}")
      return invalid("not a spool item");
  return {};
}

Result<std::vector<std::string>> MemorySpool::put(std::span<const ports::SpoolItem> items) {
  const std::scoped_lock lock(mutex_);
  SKEP_TRY(check(items));
  std::int64_t results = 0;
  std::int64_t others = 0;
  std::int64_t other_items = 0;
  for (const ports::SpoolItem& item : items) {
    const bool result = item.payload_type == "execution_result";
    (result ? results : others) += size_of(item);
    other_items += result ? 0 : 1;
  }
  if ((others > 0 && !make_room(others, other_items, false)) ||
      (results > 0 && !make_room(results + others, 0, true)))
    return Error{Code::kNoMemory, "no room in the spool"};
  std::vector<std::string> names;
  for (const ports::SpoolItem& item : items) {
    names.push_back(std::to_string(++last_) + "-" + item.payload_type + "-" + item.task_id);
    Held held{item, false};
    held.item.name = names.back();
    held_.emplace(names.back(), std::move(held));
  }
  return names;
}

Status MemorySpool::ack(std::span<const std::string> names) {
  const std::scoped_lock lock(mutex_);
  for (const std::string& name : names) held_.erase(name);
  return {};
}

Status MemorySpool::defer(std::span<const std::string> names) {
  const std::scoped_lock lock(mutex_);
  for (const std::string& name : names)
    if (const auto at = held_.find(name); at != held_.end()) at->second.ready = true;
  return {};
}

Status MemorySpool::reject(std::string_view name, std::string_view reason) {
  const std::scoped_lock lock(mutex_);
  if (held_.erase(std::string(name)) > 0) rejected_.emplace_back(name, reason);
  return {};
}

Result<std::vector<ports::SpoolItem>> MemorySpool::next(std::uint32_t max) {
  const std::scoped_lock lock(mutex_);
  if (read_failure_) {
    ++failed_reads_;
    return Error{*read_failure_, "read fails on demand"};
  }
  std::vector<ports::SpoolItem> out;
  bool unread = false;
  for (auto at = held_.rbegin(); at != held_.rend() && out.size() < max; ++at) {
    if (!at->second.ready) continue;
    if (at->second.item.task_id == unread_task_)
      unread = true;
    else
      out.push_back(at->second.item);
  }
  if (!out.empty() || !unread) return out;
  ++failed_reads_;
  return unavailable(unread_task_ + " cannot be read");
}

Result<ports::SpoolStats> MemorySpool::stats() {
  const std::scoped_lock lock(mutex_);
  ports::SpoolStats out;
  out.degraded = failure_.has_value();
  for (const auto& [name, held] : held_) {
    (held.ready ? out.ready : out.in_flight) += 1;
    if (held.ready) out.ready_bytes += size_of(held.item);
  }
  out.oldest_ms = out.ready > 0 ? 1 : 0;
  out.rejected = static_cast<std::int64_t>(rejected_.size());
  out.evicted = evicted_;
  return out;
}

Result<std::vector<ports::SpoolProblem>> MemorySpool::verify() {
  return std::vector<ports::SpoolProblem>{};
}

void MemorySpool::fail_puts(std::optional<Code> code) {
  const std::scoped_lock lock(mutex_);
  failure_ = code;
}

void MemorySpool::fail_reads(std::optional<Code> code) {
  const std::scoped_lock lock(mutex_);
  read_failure_ = code;
}

void MemorySpool::fail_reads_of(std::string task_id) {
  const std::scoped_lock lock(mutex_);
  unread_task_ = std::move(task_id);
}

int MemorySpool::failed_reads() const {
  const std::scoped_lock lock(mutex_);
  return failed_reads_;
}

std::int64_t MemorySpool::reserved() const {
  const std::scoped_lock lock(mutex_);
  return reserved_;
}

std::vector<std::pair<std::string, std::string>> MemorySpool::rejected() const {
  const std::scoped_lock lock(mutex_);
  return rejected_;
}

std::size_t MemorySpool::kept() const {
  const std::scoped_lock lock(mutex_);
  return held_.size();
}

}  // namespace skep::test
