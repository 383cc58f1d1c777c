// JSON in the core: Boost.JSON for reading, JsonOut for writing with raw documents spliced in.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace skep {

namespace json = boost::json;

/// Is this one document: nesting at most 64, no member given twice, no text after its end?
/// kInvalid with the byte offset or the member otherwise. [any]
Status check_json(std::string_view text);
/// Parses what check_json() takes; fails as it does. [any]
Result<json::value> parse_json(std::string_view text);
std::string to_text(const json::value& v);

// Members of an object, with a default when missing or of another type.
std::string get_string(const json::object& o, std::string_view key, std::string_view fallback = {});
std::int64_t get_int(const json::object& o, std::string_view key, std::int64_t fallback = 0);
double get_double(const json::object& o, std::string_view key, double fallback = 0);
bool get_bool(const json::object& o, std::string_view key, bool fallback = false);
/// The member's JSON text, or `fallback`.
std::string get_raw(const json::object& o, std::string_view key, std::string_view fallback = {});

/// Appends JSON to a string. The caller keeps the nesting right.
///   JsonOut out; out.object(); out.key("id").str(id).key("params").raw(text); out.end_object();
class JsonOut {
 public:
  JsonOut& object() { return open('{'); }
  JsonOut& end_object() { return close('}'); }
  JsonOut& array() { return open('['); }
  JsonOut& end_array() { return close(']'); }
  JsonOut& key(std::string_view name);
  JsonOut& str(std::string_view s);
  JsonOut& integer(std::int64_t i);
  JsonOut& number(double d);
  JsonOut& boolean(bool b);
  JsonOut& null();
  /// A complete JSON document; "" becomes null.
  JsonOut& raw(std::string_view text);
  /// str(), or null when empty.
  JsonOut& str_or_null(std::string_view s) { return s.empty() ? null() : str(s); }
  /// ISO 8601 text, or null when 0.
  JsonOut& time_or_null(std::int64_t wall_ms);
  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  JsonOut& open(char c);
  JsonOut& close(char c);
  void comma();
  std::string out_;
  bool need_comma_ = false;
};

}  // namespace skep
