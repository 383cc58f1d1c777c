// A spool plugin as ports::Spool.
#pragma once

#include <memory>

#include "core/ports/spool.hpp"
#include "skep/kind/spool.h"

namespace skep::plugin {

/// [any]. `keep_alive` owns what `table` and `inst` live in.
class SpoolAdapter final : public ports::Spool {
 public:
  SpoolAdapter(const skep_spool_v1* table, skep_inst* inst, std::shared_ptr<void> keep_alive)
      : table_(table), inst_(inst), keep_alive_(std::move(keep_alive)) {}

  Status reserve(std::uint64_t bytes) override;
  void unreserve(std::uint64_t bytes) override;
  Result<std::vector<std::string>> put(std::span<const ports::SpoolItem> items) override;
  Status ack(std::span<const std::string> names) override;
  Status defer(std::span<const std::string> names) override;
  Status reject(std::string_view name, std::string_view reason) override;
  Result<std::vector<ports::SpoolItem>> next(std::uint32_t max) override;
  Result<ports::SpoolStats> stats() override;
  Result<std::vector<ports::SpoolProblem>> verify() override;

 private:
  const skep_spool_v1* table_;
  skep_inst* inst_;
  std::shared_ptr<void> keep_alive_;
};

}  // namespace skep::plugin
