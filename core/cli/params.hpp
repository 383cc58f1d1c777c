// Task parameters from the command line.
#pragma once

#include <string>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/result.hpp"

namespace skep::cli {

/// `base` (a JSON object text, "" = {}) with each `key=value` applied. `a.b=1` nests. A value is
/// JSON when it parses as JSON, the text of FILE when it is "@FILE", else a string. A key given
/// twice, or once as a value and once as an object, is a usage error.
Result<json::object> build_params(const std::string& base, const std::vector<std::string>& pairs);

}  // namespace skep::cli
