#include "core/plugin/condemned.hpp"

#include <utility>

namespace skep::plugin {

void CondemnedList::add(Condemned condemned) {
  {
    const MutexLock lock(mutex_);
    std::erase_if(waiting_, [&](const Condemned& c) { return c.id == condemned.id; });
    waiting_.push_back(std::move(condemned));
  }
  const MutexLock lock(wake_mutex_);
  if (wake_) wake_();
}

std::vector<Condemned> CondemnedList::take() {
  const MutexLock lock(mutex_);
  return std::exchange(waiting_, {});
}

void CondemnedList::on_add(std::function<void()> wake) {
  const MutexLock lock(wake_mutex_);
  wake_ = std::move(wake);
}

}  // namespace skep::plugin
