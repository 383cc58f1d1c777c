#include "core/plugin/generations.hpp"

namespace skep::plugin {

std::shared_ptr<Generation> Generations::make(GenerationInfo info) {
  const MutexLock lock(mutex_);
  info.number = ++last_number_;
  kept_.push_front(std::make_shared<Generation>(owner_, std::move(info)));
  if (kept_.size() > kKept) kept_.pop_back();
  return kept_.front();
}

std::uint64_t Generations::last_number() const {
  const MutexLock lock(mutex_);
  return last_number_;
}

void Generations::hurry() const {
  const MutexLock lock(mutex_);
  for (const auto& generation : kept_) generation->hurry();
}

std::vector<std::string> Generations::hangs() const {
  const MonoMs now = SystemClock().mono_ms();
  const MutexLock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& generation : kept_)
    if (serves(generation->state()))
      for (const auto& hang : generation->hung().all()) out.push_back(hang.text(now));
  return out;
}

std::vector<GenerationInfo> Generations::infos() const {
  const MutexLock lock(mutex_);
  std::vector<GenerationInfo> out;
  for (const auto& generation : kept_) out.push_back(generation->info());
  return out;
}

}  // namespace skep::plugin
