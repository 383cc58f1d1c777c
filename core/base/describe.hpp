// JSON values in the words of error messages and events.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace skep {

/// "null", "boolean", "integer", "number", "string", "array" or "object"; 1.0 is a number. [any]
std::string_view type_name(const boost::json::value& value);
/// As JSON, with numbers as people write them: 90, where to_text() says 9E1. [any]
std::string plain_text(const boost::json::value& value);
/// `"four" (a string)`, `5 (an integer)`; long values are cut to `limit` bytes at a character.
/// [any]
std::string describe(const boost::json::value& value, std::size_t limit = 60);
/// At most `limit` bytes of UTF-8 text, with ".." in place of the rest. [any]
std::string shorten(std::string_view text, std::size_t limit = 60);
/// How deep a value nests: 0 for a scalar, 1 for [] and {}. [any]
std::size_t nesting(const boost::json::value& value);

}  // namespace skep
