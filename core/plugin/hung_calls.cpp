#include "core/plugin/hung_calls.hpp"

#include <algorithm>

namespace skep::plugin {
namespace {

constexpr Millis kRetry{1'000};

}  // namespace

std::string HungCalls::Hang::text(MonoMs now) const {
  std::string out = component + ": " + call + " has not answered for " +
                    std::to_string((now - since) / 1'000) + " s";
  if (calls > 1) out += "; " + std::to_string(calls) + " calls are inside";
  return out;
}

bool HungCalls::add(std::string_view component, std::string_view call, MonoMs since) {
  const MutexLock lock(mutex_);
  ++count_;
  const auto known = std::find_if(hangs_.begin(), hangs_.end(),
                                  [&](const Hang& h) { return h.component == component; });
  if (known != hangs_.end()) {
    ++known->calls;
    return false;
  }
  hangs_.push_back({std::string(component), std::string(call), since, 1});
  return true;
}

bool HungCalls::remove(std::string_view component) {
  const MutexLock lock(mutex_);
  const auto known = std::find_if(hangs_.begin(), hangs_.end(),
                                  [&](const Hang& h) { return h.component == component; });
  if (known == hangs_.end()) return false;
  --count_;
  if (--known->calls > 0) return false;
  hangs_.erase(known);
  return true;
}

std::optional<HungCalls::Hang> HungCalls::of(std::string_view component) const {
  if (count_ == 0) return std::nullopt;
  const MutexLock lock(mutex_);
  for (const Hang& hang : hangs_)
    if (hang.component == component) return hang;
  return std::nullopt;
}

std::vector<HungCalls::Hang> HungCalls::all() const {
  if (count_ == 0) return {};
  const MutexLock lock(mutex_);
  return hangs_;
}

Error hangs(const HungCalls::Hang& hang, std::string_view plugin_id, MonoMs now) {
  Error error = unavailable("plugin " + std::string(plugin_id) + ": " + hang.text(now))
                    .named("plugin-hangs")
                    .with_next(
                        "see what it waits for, such as its disk (df hangs there, too); skep "
                        "plugin reload " +
                        std::string(plugin_id) + ", or restart the node");
  error.retry_after = kRetry;
  return error;
}

}  // namespace skep::plugin
