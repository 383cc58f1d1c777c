#include "core/worker/spool_reserve.hpp"

#include <utility>

namespace skep::worker {

Result<int> SpoolReserve::take(int wanted) {
  std::uint64_t bytes = 0;
  {
    const MutexLock lock(mutex_);
    bytes = bytes_;
  }
  int taken = wanted;
  Status status = spool_.reserve(bytes * static_cast<std::uint64_t>(wanted));
  if (!status)
    for (taken = 0; taken < wanted; ++taken)
      if (status = spool_.reserve(bytes); !status) break;
  if (taken == 0) return status.error();
  const MutexLock lock(mutex_);
  out_[bytes] += taken;
  return taken;
}

std::string SpoolReserve::trouble() {
  const Status looked = spool_.reserve(0);
  if (looked) return {};
  const Code code = looked.error().code;
  const bool takes_nothing = code == Code::kUnavailable || code == Code::kDenied ||
                             code == Code::kNotFound || code == Code::kDeadline;
  return takes_nothing ? looked.error().message : std::string();
}

void SpoolReserve::give_back() {
  if (const auto bytes = pick()) spool_.unreserve(*bytes);
}

/// The size of a portion that is out, which counts as given back.
std::optional<std::uint64_t> SpoolReserve::pick() {
  const MutexLock lock(mutex_);
  auto portion = out_.begin();
  while (portion != out_.end() && portion->first == bytes_) ++portion;
  if (portion == out_.end()) portion = out_.find(bytes_);
  if (portion == out_.end()) return std::nullopt;
  const std::uint64_t bytes = portion->first;
  if (--portion->second == 0) out_.erase(portion);
  return bytes;
}

bool SpoolReserve::resize(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  return std::exchange(bytes_, bytes) != bytes;
}

}  // namespace skep::worker
