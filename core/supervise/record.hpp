// Who runs: what a supervisor writes down, so that another process can find and end exactly that.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/supervise/process_id.hpp"

namespace skep::supervise {

struct Record {
  ProcessId supervisor;
  std::string url;     ///< "" until the control plane answers
  bool ready = false;  ///< all workers are online
  std::vector<std::pair<std::string, ProcessId>> nodes;
};

/// One line of JSON.
std::string record_text(const Record& record);
/// Nothing for a text that record_text() did not write.
std::optional<Record> parse_record(const std::string& text);

/// Ends the supervisor of the record, which ends its nodes, and then the nodes that outlived it;
/// exactly those processes. `on_orphan` hears of each of the latter before it is ended. False when
/// none of them ran.
Result<bool> end_recorded(const Record& record,
                          const std::function<void(const std::string& node)>& on_orphan);

}  // namespace skep::supervise
