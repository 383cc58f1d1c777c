#include "core/worker/health.hpp"

#include <algorithm>
#include <utility>

#include "core/base/log.hpp"
#include "core/base/utf8.hpp"

namespace skep::worker {
namespace {

constexpr MonoMs kLongest = 60'000;
constexpr std::size_t kMostBytes = 300;  ///< of a trouble's text

}  // namespace

void Health::set(std::string_view source, std::string_view trouble, std::string_view effect) {
  bool changed = false;
  {
    const MutexLock lock(mutex_);
    const auto at = levels_.find(source);
    changed = (at == levels_.end()) != trouble.empty();
    if (trouble.empty() && at != levels_.end()) levels_.erase(at);
    if (!trouble.empty())
      levels_[std::string(source)].text = std::string(clip_utf8(trouble, kMostBytes));
  }
  if (!changed) return;
  if (trouble.empty())
    log::info("worker_trouble_gone", {{"trouble", source}});
  else
    log::error("worker_trouble", {{"trouble", source}, {"error", trouble}, {"effect", effect}});
  changed_();
}

void Health::failed(const std::string& type, std::string_view trouble) {
  MonoMs pause = 0;
  {
    const MutexLock lock(mutex_);
    Trouble& t = types_[type];
    const MonoMs now = clock_.mono_ms();
    t.text = type + ": " + std::string(clip_utf8(trouble, kMostBytes));
    if (t.until > now) return;  // of several that began together the first counts
    pause = std::min(kLongest, first_rest_.count() << std::min(t.times++, 4));
    t.until = now + pause;
    t.over = false;
    unproven_ = static_cast<int>(types_.size());
  }
  log::error("worker_trouble", {{"trouble", type},
                                {"error", trouble},
                                {"effect", "tasks go back to the queue, none is claimed"},
                                {"again_ms", pause}});
  changed_();
}

void Health::worked(const std::string& type) {
  if (unproven_ == 0) return;
  {
    const MutexLock lock(mutex_);
    if (types_.erase(type) == 0) return;
    unproven_ = static_cast<int>(types_.size());
  }
  log::info("worker_trouble_gone", {{"trouble", type}});
  changed_();
}

bool Health::resting() {
  if (unproven_ == 0) return false;
  bool resting = false;
  bool changed = false;
  {
    const MutexLock lock(mutex_);
    const MonoMs now = clock_.mono_ms();
    for (auto& [type, trouble] : types_) {
      if (trouble.until > now)
        resting = true;
      else
        changed |= !std::exchange(trouble.over, true);
    }
  }
  if (changed) changed_();
  return resting;
}

std::vector<std::string> Health::troubles() const {
  const MonoMs now = clock_.mono_ms();
  const MutexLock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [source, trouble] : levels_) out.push_back(trouble.text);
  for (const auto& [type, trouble] : types_)
    if (trouble.until > now) out.push_back(trouble.text);
  return out;
}

}  // namespace skep::worker
