#include "core/control/queue_counts.hpp"

#include <utility>

#include "core/base/log.hpp"

namespace skep::control {
namespace {

constexpr MonoMs kRest = 10;  ///< times as long as it took

}  // namespace

Result<QueueCounts::Counted> QueueCounts::now() {
  MutexLock lock(mutex_);
  while (counting_) counted_.wait(lock);
  if (rows_ && clock_.mono_ms() < good_until_) return known();
  counting_ = true;
  lock.unlock();
  const MonoMs began = clock_.mono_ms();
  Result<Rows> rows = count();
  const MonoMs ended = clock_.mono_ms();
  lock.lock();
  counting_ = false;
  rows_ = std::move(rows);
  asked_at_ = began;
  good_until_ = ended + kRest * (ended - began);
  counted_.notify_all();
  return known();
}

Result<QueueCounts::Rows> QueueCounts::count() const try {
  auto rows = queue_.stats();
  if (rows) return std::make_shared<const std::vector<ports::TaskCount>>(std::move(*rows));
  log::warn("tasks_not_counted", {{"error", rows.error().message}});
  return rows.error();
} catch (const std::exception& e) {  // others wait for the answer
  return internal_error(std::string("count tasks: ") + e.what());
}

Result<QueueCounts::Counted> QueueCounts::known() const {
  if (!*rows_) return rows_->error();
  return Counted{**rows_, Millis{clock_.mono_ms() - asked_at_}};
}

}  // namespace skep::control
