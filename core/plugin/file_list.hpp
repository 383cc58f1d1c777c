// Lists of plugin or script files that outlive the node: {"format": 1, "files": [{..}, ..]}.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "core/base/json.hpp"
#include "core/base/result.hpp"

namespace skep::plugin {

/// Hands each entry of the list at `path` to `take`; no file is a list of none. kCorrupt when it
/// has more than `cap` bytes, is no such list or `take` refuses an entry; any other error is no
/// verdict on the file, and the next time may succeed.
Status read_file_list(const std::string& path, std::size_t cap,
                      const std::function<bool(const json::object&)>& take);

}  // namespace skep::plugin
