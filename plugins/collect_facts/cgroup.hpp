// Control groups: what containers and service managers leave a process of its machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace skep::facts {

struct CgroupLimits {
  std::optional<std::int64_t> memory_bytes;
  std::optional<double> cpu_cores;  ///< processor time per time: 1.5 = one and a half processors
};

/// The tightest limits of our own group and of those around it, as far up as they are visible, of
/// versions 1 and 2. `root` stands before /proc and where the groups are mounted: for tests.
CgroupLimits cgroup_limits(const std::string& root = {});

}  // namespace skep::facts
