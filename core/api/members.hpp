// Reading JSON objects that came over the wire: one document, its members checked by name.
#pragma once

#include <boost/json/object.hpp>
#include <initializer_list>
#include <string_view>

#include "core/base/json.hpp"

namespace skep::api {

/// The text as one JSON object; kInvalid says what it is instead.
Result<json::object> parse_object(std::string_view text, std::string_view what);

/// kInvalid "unknown-field" naming the first member that is not in `known`, and the nearest.
Status only_known(const json::object& o, std::string_view what,
                  std::initializer_list<std::string_view> known);

/// kInvalid unless the member is a non-empty string.
Status need_string(const json::object& o, std::string_view what, std::string_view key);

}  // namespace skep::api
