// What the spool holds and has set aside, in numbers. Has its own lock, so that reserve() and
// stats() never wait for a disk.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "skep/kind/spool.h"

namespace spool {

struct Limits {
  std::int64_t max_bytes = 512 << 20;
  std::int64_t max_items = 50'000;
  std::int64_t keep_free_bytes = 64 << 20;
};

class Ledger {
 public:
  explicit Ledger(const Limits& limits) : limits_(limits) {}

  /// Sets `bytes` aside if the limits and the disk's `free` bytes allow it.
  bool reserve(std::int64_t bytes, std::int64_t free) {
    const std::scoped_lock lock(mutex_);
    if (missing(bytes, 1, reserved_, free) > 0) return false;
    reserved_ += bytes;
    return true;
  }
  void unreserve(std::int64_t bytes) {
    const std::scoped_lock lock(mutex_);
    reserved_ = std::max<std::int64_t>(0, reserved_ - bytes);
  }
  std::int64_t reserved() const {
    const std::scoped_lock lock(mutex_);
    return reserved_;
  }
  /// Bytes by which items that reserved nothing do not fit beside what is reserved; 0 = they fit.
  std::int64_t excess(std::int64_t bytes, std::int64_t items, std::int64_t free) const {
    const std::scoped_lock lock(mutex_);
    return missing(bytes, items, reserved_, free);
  }
  /// The same for items with a reservation: only the spool's own size can refuse them.
  std::int64_t excess_reserved(std::int64_t bytes) const {
    const std::scoped_lock lock(mutex_);
    return std::max<std::int64_t>(0, used() + bytes - limits_.max_bytes);
  }
  /// The key of the spool's own limit in whose way these are; "" = none, so the disk is.
  std::string_view limit_of(std::int64_t bytes, std::int64_t items) const {
    const std::scoped_lock lock(mutex_);
    if (used() + reserved_ + bytes > limits_.max_bytes) return "max_bytes";
    return stats_.ready + stats_.in_flight + items > limits_.max_items ? "max_items" : "";
  }
  template <class Change>
  void update(Change&& change) {
    const std::scoped_lock lock(mutex_);
    change(stats_);
  }
  void flight_bytes(std::int64_t delta) {
    const std::scoped_lock lock(mutex_);
    flight_bytes_ += delta;
  }
  skep_spool_stats stats() const {
    const std::scoped_lock lock(mutex_);
    return stats_;
  }
  const Limits& limits() const { return limits_; }

 private:
  std::int64_t used() const { return stats_.ready_bytes + flight_bytes_; }
  std::int64_t missing(std::int64_t bytes, std::int64_t items, std::int64_t reserved,
                       std::int64_t free) const {
    std::int64_t over = std::max<std::int64_t>(0, used() + reserved + bytes - limits_.max_bytes);
    over = std::max(over, limits_.keep_free_bytes + reserved + bytes - free);
    if (stats_.ready + stats_.in_flight + items > limits_.max_items)
      over = std::max<std::int64_t>(over, 1);
    return over;
  }

  const Limits limits_;
  mutable std::mutex mutex_;
  std::int64_t reserved_ = 0;
  std::int64_t flight_bytes_ = 0;
  skep_spool_stats stats_{};
};

}  // namespace spool
