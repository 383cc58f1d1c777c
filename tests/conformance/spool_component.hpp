// The file spool, linked in and reached through its ABI tables.
#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/ports/spool.hpp"

namespace skep::test {

struct FileSpoolLimits {
  std::int64_t max_bytes = 512 << 20;
  std::int64_t max_items = 50'000;
  std::int64_t keep_free_bytes = 0;
};

/// Started; stopped when destroyed.
Result<std::unique_ptr<ports::Spool>> open_file_spool(const std::string& dir,
                                                      FileSpoolLimits limits = {});
/// An execution_result with this body.
ports::SpoolItem result_item(const std::string& task_id, const std::string& body);

}  // namespace skep::test
