// What the bodies of all requests may take of the memory. Private to core/net. [any]
#pragma once

#include <cstddef>
#include <utility>

#include "core/base/mutex.hpp"

namespace skep::net {

/// A body longer than this is large: few of them are decoded at a time.
inline constexpr std::size_t kLargeBody = 1u << 20;

class BodyBudget {
 public:
  explicit BodyBudget(std::size_t bytes) : bytes_(bytes) {}

  /// The place of one body; given back when it goes.
  class Place {
   public:
    Place() = default;
    Place(BodyBudget& owner, std::size_t bytes) : owner_(&owner), bytes_(bytes) {}
    Place(Place&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), bytes_(other.bytes_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Place() {
      if (owner_ != nullptr) owner_->give_back(bytes_);
    }
    explicit operator bool() const { return owner_ != nullptr; }

   private:
    BodyBudget* owner_ = nullptr;
    std::size_t bytes_ = 0;
  };

  /// No place: too much is held already. Large bodies leave a quarter to others and those of more
  /// than 64 KiB an eighth, so that beats and claims always find some. Alone, a body may be as
  /// large as it likes.
  Place take(std::size_t bytes) {
    constexpr std::size_t kSmallBody = 64u << 10;
    const std::size_t left_free = bytes > kLargeBody   ? bytes_ / 4
                                  : bytes > kSmallBody ? bytes_ / 8
                                                       : 0;
    const MutexLock lock(mutex_);
    if (held_ > 0 && held_ + bytes > bytes_ - left_free) return {};
    held_ += bytes;
    return {*this, bytes};
  }

 private:
  void give_back(std::size_t bytes) {
    const MutexLock lock(mutex_);
    held_ -= bytes;
  }

  const std::size_t bytes_;
  Mutex mutex_;
  std::size_t held_ SKEP_GUARDED_BY(mutex_) = 0;
};

}  // namespace skep::net
