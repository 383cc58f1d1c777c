// Read-only connections to one file: a few, lent out one snapshot at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "connection.hpp"

namespace skep::sqlite {

class Readers {
 public:
  Readers(std::string path, std::int64_t busy_timeout_ms);

  /// A connection inside a read transaction, until it goes. Must not outlive the Readers.
  class Snapshot {
   public:
    /// Waits for one no longer than the call goes on.
    Snapshot(Readers& owner, const Call& call, std::string_view doing);
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot();
    Connection& connection() { return *connection_; }

   private:
    Readers& owner_;
    std::unique_ptr<Connection> connection_;
  };

  /// While it lives no snapshot begins. Those who ask meanwhile wait. One at a time.
  class Pause {
   public:
    explicit Pause(Readers& owner);
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause();
    /// Whether every snapshot has ended, waiting for that at most so long.
    bool all_ended(std::chrono::milliseconds patience);

   private:
    Readers& owner_;
  };

 private:
  std::unique_ptr<Connection> take(const Call& call, std::string_view doing);
  void give_back(std::unique_ptr<Connection> reader) noexcept;
  std::unique_ptr<Connection> open() const;

  const std::string path_;
  const std::int64_t busy_timeout_ms_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t lent_ = 0;
  bool paused_ = false;
};

}  // namespace skep::sqlite
