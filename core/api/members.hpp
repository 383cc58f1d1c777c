// Reading JSON objects that came over the wire: one document, its members checked by name.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.hpp"

namespace skep::api {

/// The text as one JSON object; kInvalid says what it is instead.
Result<json::object> parse_object(std::string_view text, std::string_view what);

/// kInvalid "unknown-field" naming the first member that is not in `known`, and the nearest.
Status only_known(const json::object& o, std::string_view what,
                  std::initializer_list<std::string_view> known);

/// kInvalid unless the member is a non-empty string.
Status need_string(const json::object& o, std::string_view what, std::string_view key);

/// kInvalid: WHAT: "KEY" must be EXPECTED.
Error wrong_member(std::string_view what, std::string_view key, std::string_view expected);

// Members that may be missing or null: then `out` stays. Of another type or out of range they are
// wrong_member.
Status read_bool(const json::object& o, std::string_view what, std::string_view key, bool& out);
Status read_string(const json::object& o, std::string_view what, std::string_view key,
                   std::string& out);
Status read_strings(const json::object& o, std::string_view what, std::string_view key,
                    std::vector<std::string>& out);
Status read_int(const json::object& o, std::string_view what, std::string_view key,
                std::int64_t low, std::int64_t high, std::int64_t& out);
Status read_number(const json::object& o, std::string_view what, std::string_view key,
                   std::int64_t low, std::int64_t high, double& out);

}  // namespace skep::api
