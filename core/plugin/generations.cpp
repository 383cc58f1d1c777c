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

std::vector<GenerationInfo> Generations::infos() const {
  const MutexLock lock(mutex_);
  std::vector<GenerationInfo> out;
  for (const auto& generation : kept_) out.push_back(generation->info());
  return out;
}

}  // namespace skep::plugin
