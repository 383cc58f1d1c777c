// The spool as the worker role sees it. Contract: sdk/include/skep/kind/spool.h.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace skep::ports {

struct SpoolItem {
  std::string name;  ///< from next(); ignored by put()
  std::string payload_type;
  std::string task_id;
  std::string body;
};

struct SpoolStats {
  bool degraded = false;
  std::int64_t ready = 0;
  std::int64_t ready_bytes = 0;
  std::int64_t in_flight = 0;
  std::int64_t quarantined = 0;
  std::int64_t rejected = 0;
  std::int64_t evicted = 0;
  WallMs oldest_ms = 0;
};

struct SpoolProblem {
  std::string name;
  std::string reason;
};

class Spool {
 public:
  virtual ~Spool() = default;
  virtual Status reserve(std::uint64_t bytes) = 0;
  virtual void unreserve(std::uint64_t bytes) = 0;
  /// The items' names, in order.
  virtual Result<std::vector<std::string>> put(std::span<const SpoolItem> items) = 0;
  virtual Status ack(std::span<const std::string> names) = 0;
  virtual Status defer(std::span<const std::string> names) = 0;
  virtual Status reject(std::string_view name, std::string_view reason) = 0;
  virtual Result<std::vector<SpoolItem>> next(std::uint32_t max) = 0;
  virtual Result<SpoolStats> stats() = 0;
  virtual Result<std::vector<SpoolProblem>> verify() = 0;
};

}  // namespace skep::ports
