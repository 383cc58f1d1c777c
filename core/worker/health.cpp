#include "core/worker/health.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/log.hpp"
#include "core/base/utf8.hpp"

namespace skep::worker {
namespace {

constexpr MonoMs kLongest = 60'000;
constexpr std::size_t kMostBytes = 300;  ///< of a trouble's text
constexpr rlim_t kSpare = 24;            ///< descriptors: four tasks and what a worker opens itself

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

std::string descriptor_trouble() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= 2 * kSpare) return {};
  // The lowest free one is given out: below it all are in use.
  const int fd = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  const int error = fd < 0 ? errno : EMFILE;
  if (fd >= 0) ::close(fd);
  const bool enough = fd >= 0 && static_cast<rlim_t>(fd) + kSpare < limit.rlim_cur;
  if (enough || error == EBADF) return {};
  return "too few descriptors: " + std::string(std::strerror(error)) + ", the limit is " +
         std::to_string(limit.rlim_cur) + "; raise LimitNOFILE or lower [worker] concurrency";
}

}  // namespace skep::worker
