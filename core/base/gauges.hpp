// Figures that parts of this process, plugins above all, keep for those who ask for metrics.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skep::gauges {

struct Gauge {
  std::string owner;  ///< "sqlite"
  std::string name;   ///< "queue_log_bytes"
  double value = 0;
};

/// What it shows until it is set again. Does nothing when `name` is not [a-z][a-z0-9_]{0,63} or
/// when `owner` has 64 others: names come from plugins. [any]
void set(std::string_view owner, std::string_view name, double value);

/// In the order of owner and name. [any]
std::vector<Gauge> all();

}  // namespace skep::gauges
