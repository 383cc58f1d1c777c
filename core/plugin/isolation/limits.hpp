// What a plugin in a child process may use, and how long it may take.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace skep::plugin {

struct ChildLimits {
  std::int64_t memory_mb = 1024;  ///< address space of the child, 0 = no limit
  std::int64_t open_files = 256;  ///< descriptors, at least 32
  std::int64_t output_mb = 64;    ///< what one task may emit on all channels together
  Millis start_timeout{10'000};   ///< from exec to started
  Millis idle_timeout{60'000};    ///< a spare child ends after it; one is always kept
  /// A child ends after so many tasks, once it is so large, and after a task that ran out of
  /// memory: what leaks costs its own child. 0 = never, and half of memory_mb.
  std::int64_t max_tasks = 10'000;
  std::int64_t recycle_mb = 0;
  /// From cancellation or deadline to SIGKILL; none = as the component's manifest says.
  std::optional<Millis> cancel_grace{};
};

/// Reads the table [plugins.ID.limits] (a JSON object) with the keys memory_mb, open_files,
/// output_mb, start_timeout_ms, cancel_grace_ms, idle_timeout_ms, max_tasks and recycle_mb over
/// `defaults`. kConfig names an unknown key with the nearest known one, or the value and its range.
/// [any]
Result<ChildLimits> parse_limits(std::string_view table_json, ChildLimits defaults = {});

}  // namespace skep::plugin
