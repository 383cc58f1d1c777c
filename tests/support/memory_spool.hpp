// A spool in memory, with the contract of skep/kind/spool.h and faults on demand.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/ports/spool.hpp"

namespace skep::test {

struct MemorySpoolLimits {
  std::int64_t max_bytes = 512 << 20;
  std::int64_t max_items = 50'000;
};

/// [any]
class MemorySpool final : public ports::Spool {
 public:
  explicit MemorySpool(MemorySpoolLimits limits = {}) : limits_(limits) {}

  Status reserve(std::uint64_t bytes) override;
  void unreserve(std::uint64_t bytes) override;
  Result<std::vector<std::string>> put(std::span<const ports::SpoolItem> items) override;
  Status ack(std::span<const std::string> names) override;
  Status defer(std::span<const std::string> names) override;
  Status reject(std::string_view name, std::string_view reason) override;
  Result<std::vector<ports::SpoolItem>> next(std::uint32_t max) override;
  Result<ports::SpoolStats> stats() override;
  Result<std::vector<ports::SpoolProblem>> verify() override;

  /// put() fails with `code` until it is cleared.
  void fail_puts(std::optional<Code> code);
  /// The same of next().
  void fail_reads(std::optional<Code> code);
  /// The items of this task are kept and cannot be read; next() fails when nothing else is ready.
  void fail_reads_of(std::string task_id);
  int failed_reads() const;
  std::int64_t reserved() const;
  std::vector<std::pair<std::string, std::string>> rejected() const;  ///< name and reason
  /// Every item that is neither acked nor rejected.
  std::size_t kept() const;

 private:
  struct Held {
    ports::SpoolItem item;
    bool ready = false;
  };
  std::int64_t used() const;
  bool evict_one(std::string_view payload_type);
  bool fits(std::int64_t bytes, std::int64_t items, bool reserved) const;
  bool make_room(std::int64_t bytes, std::int64_t items, bool reserved);
  Status check(std::span<const ports::SpoolItem> items) const;

  const MemorySpoolLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Held> held_;  ///< by name: "<number>-<type>-<task>", so in order of put()
  std::vector<std::pair<std::string, std::string>> rejected_;
  std::optional<Code> failure_;
  std::optional<Code> read_failure_;
  std::string unread_task_;
  int failed_reads_ = 0;
  std::int64_t last_ = 1'000'000'000;
  std::int64_t reserved_ = 0;
  std::int64_t evicted_ = 0;
};

}  // namespace skep::test
