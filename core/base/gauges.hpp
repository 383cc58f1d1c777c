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
  bool counts = false;  ///< it only grows
};

/// What it shows until it is set again. Does nothing when `name` is not [a-z][a-z0-9_]{0,63} or
/// when `owner` has 64 others: names come from plugins. [any]
void set(std::string_view owner, std::string_view name, double value);

/// Adds to a counter; nothing below 0 or without an end. A name stays what it was first, a gauge or
/// a counter, and both count for the 64. [any]
void add(std::string_view owner, std::string_view name, double delta);

/// In the order of owner and name. [any]
std::vector<Gauge> all();

}  // namespace skep::gauges
