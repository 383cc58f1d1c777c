// What the bodies of all requests may take of the memory. Private to core/net. [any]
#pragma once

#include <cstddef>
#include <map>
#include <string>
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
    Place(BodyBudget& owner, std::size_t bytes, std::string whose)
        : owner_(&owner), bytes_(bytes), whose_(std::move(whose)) {}
    Place(Place&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          bytes_(other.bytes_),
          whose_(std::move(other.whose_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(bytes_, other.bytes_);
      std::swap(whose_, other.whose_);
      return *this;
    }
    ~Place() {
      if (owner_ != nullptr) owner_->give_back(bytes_, whose_);
    }
    explicit operator bool() const { return owner_ != nullptr; }

   private:
    BodyBudget* owner_ = nullptr;
    std::size_t bytes_ = 0;
    std::string whose_;
  };

  /// No place: too much is held already. Large bodies leave a quarter to others and those of more
  /// than 64 KiB an eighth, so that beats and claims always find some. Alone, a body may be as
  /// large as it likes. Who has a name in `whose` holds no more than a sixteenth beside another of
  /// his; "" is nobody in particular.
  Place take(std::size_t bytes, const std::string& whose = {}) {
    constexpr std::size_t kSmallBody = 64u << 10;
    const std::size_t left_free = bytes > kLargeBody   ? bytes_ / 4
                                  : bytes > kSmallBody ? bytes_ / 8
                                                       : 0;
    const MutexLock lock(mutex_);
    if (held_ > 0 && held_ + bytes > bytes_ - left_free) return {};
    if (whose.empty() || bytes <= kSmallBody) {
      held_ += bytes;
      return {*this, bytes, {}};
    }
    const auto own = of_.find(whose);
    if (own != of_.end() && own->second + bytes > bytes_ / 16) return {};
    of_[whose] += bytes;
    held_ += bytes;
    return {*this, bytes, whose};
  }

 private:
  void give_back(std::size_t bytes, const std::string& whose) {
    const MutexLock lock(mutex_);
    held_ -= bytes;
    const auto own = of_.find(whose);
    if (whose.empty() || own == of_.end()) return;
    own->second -= bytes;
    if (own->second == 0) of_.erase(own);
  }

  const std::size_t bytes_;
  Mutex mutex_;
  std::size_t held_ SKEP_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::size_t> of_ SKEP_GUARDED_BY(mutex_);  ///< larger bodies, by whose
};

}  // namespace skep::net
