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
  hooks_.changed();
}

struct Health::Failure {
  std::string_view trouble;
  bool withheld = false;
  Millis at_least{0};
};

void Health::failed(const std::string& type, std::string_view trouble) { rest(type, {trouble}); }

void Health::withhold(const std::string& type, std::string_view trouble, Millis at_least) {
  rest(type, {trouble, true, at_least});
}

void Health::rest(const std::string& type, const Failure& failure) {
  MonoMs pause = 0;
  {
    const MutexLock lock(mutex_);
    Trouble& t = types_[type];
    const MonoMs now = clock_.mono_ms();
    t.text = type + ": " + std::string(clip_utf8(failure.trouble, kMostBytes));
    if (t.until > now) return;  // of several that began together the first counts
    pause = std::max(first_rest_.count() << std::min(t.times++, 4), failure.at_least.count());
    pause = std::min(kLongest, pause);
    t.until = now + pause;
    t.over = false;
    t.withheld = failure.withheld;
    count_unproven();
  }
  log::error("worker_trouble",
             {{"trouble", type},
              {"error", failure.trouble},
              {"effect", failure.withheld ? "its tasks go back to the queue, it is not offered"
                                          : "tasks go back to the queue, none is claimed"},
              {"again_ms", pause}});
  hooks_.changed();
  if (failure.withheld && hooks_.withheld_changed) hooks_.withheld_changed();
}

void Health::worked(const std::string& type) {
  if (!any_) return;
  {
    const MutexLock lock(mutex_);
    const auto at = types_.find(type);
    // One that began before ends while it rests.
    if (at == types_.end() || (at->second.withheld && at->second.until > clock_.mono_ms())) return;
    types_.erase(at);
    count_unproven();
  }
  log::info("worker_trouble_gone", {{"trouble", type}});
  hooks_.changed();
}

void Health::count_unproven() {
  const auto of_all = [](const auto& t) { return !t.second.withheld; };
  unproven_ = static_cast<int>(std::count_if(types_.begin(), types_.end(), of_all));
  any_ = !types_.empty();
}

void Health::look() {
  if (!any_) return;
  bool changed = false;
  bool offered = false;
  {
    const MutexLock lock(mutex_);
    const MonoMs now = clock_.mono_ms();
    for (auto& [type, trouble] : types_) {
      if (trouble.until > now || std::exchange(trouble.over, true)) continue;
      changed = true;
      offered |= trouble.withheld;
    }
  }
  if (changed) hooks_.changed();
  if (offered && hooks_.withheld_changed) hooks_.withheld_changed();
}

bool Health::resting() {
  look();
  if (unproven_ == 0) return false;
  const MutexLock lock(mutex_);
  const MonoMs now = clock_.mono_ms();
  return std::any_of(types_.begin(), types_.end(),
                     [now](const auto& t) { return !t.second.withheld && t.second.until > now; });
}

std::set<std::string> Health::withheld() const {
  std::set<std::string> out;
  if (!any_) return out;
  const MonoMs now = clock_.mono_ms();
  const MutexLock lock(mutex_);
  for (const auto& [type, trouble] : types_)
    if (trouble.withheld && trouble.until > now) out.insert(type);
  return out;
}

void Health::resting_texts(bool withheld, std::vector<std::string>& out) const {
  const MonoMs now = clock_.mono_ms();
  for (const auto& [type, trouble] : types_)
    if (trouble.withheld == withheld && trouble.until > now) out.push_back(trouble.text);
}

std::vector<std::string> Health::troubles() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [source, trouble] : levels_) out.push_back(trouble.text);
  resting_texts(false, out);
  return out;
}

std::vector<std::string> Health::notices() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> out;
  resting_texts(true, out);
  return out;
}

}  // namespace skep::worker
