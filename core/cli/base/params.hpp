// Task parameters from the command line.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/result.hpp"

namespace skep::cli {

/// Whether the type's schema wants a string at this key ("env.STAGE"). Asked only of values that
/// are JSON but no string.
using WantsText = std::function<bool(const std::string& key)>;

/// Brings a file to the control plane; the value that names it there.
using Upload = std::function<Result<json::value>(const std::string& path)>;

/// `base` (a JSON object text, "" = {}) with each `key=value` applied. `a.b=1` nests. A value is
/// the text of FILE when it is "@FILE" (of a regular file that is no text, or larger than 1 MiB,
/// what `upload` says, unless the key wants text), else JSON when it parses as JSON and the key
/// does not want a string, else the text itself. A key given twice, or once as a value and once as
/// an object, is a usage error.
Result<json::object> build_params(const std::string& base, const std::vector<std::string>& pairs,
                                  const WantsText& wants_text = {}, const Upload& upload = {});

/// Whether `params_schema` says "type": "string", and nothing else, for the parameter `key`.
bool schema_wants_text(const json::value& params_schema, const std::string& key);

}  // namespace skep::cli
