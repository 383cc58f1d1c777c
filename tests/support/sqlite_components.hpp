// The components of plugins/sqlite, linked in and reached through their ABI tables.
#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/ports/queue.hpp"
#include "core/ports/store.hpp"

namespace skep::test {

/// Started; stopped when destroyed. `config_json` as in the plugin's schema.
Result<std::unique_ptr<ports::Queue>> open_sqlite_queue(const std::string& config_json);
Result<std::unique_ptr<ports::Store>> open_sqlite_store(const std::string& config_json);
/// {"path":PATH,"synchronous":"full"}
std::string sqlite_config(const std::string& path, const std::string& synchronous = "full");

}  // namespace skep::test
