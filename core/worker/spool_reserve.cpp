#include "core/worker/spool_reserve.hpp"

#include <algorithm>
#include <utility>

namespace skep::worker {

Status SpoolReserve::take() {
  const std::scoped_lock lock(mutex_);
  SKEP_TRY(spool_.reserve(bytes_));
  ++out_[bytes_];
  return {};
}

void SpoolReserve::give_back() {
  const std::scoped_lock lock(mutex_);
  auto portion =
      std::find_if(out_.begin(), out_.end(), [this](const auto& at) { return at.first != bytes_; });
  if (portion == out_.end()) portion = out_.find(bytes_);
  if (portion == out_.end()) return;
  spool_.unreserve(portion->first);
  if (--portion->second == 0) out_.erase(portion);
}

bool SpoolReserve::resize(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  return std::exchange(bytes_, bytes) != bytes;
}

}  // namespace skep::worker
