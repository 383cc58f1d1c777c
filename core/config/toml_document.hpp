// TOML files that are no configuration of a node.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "core/base/result.hpp"

namespace skep::config {

/// The whole file, at most 1 MiB and 32 levels deep; dates become strings. kConfig with the place
/// otherwise: "plugins.lock:3:1: ..".
Result<boost::json::object> read_toml_document(const std::string& path);

}  // namespace skep::config
