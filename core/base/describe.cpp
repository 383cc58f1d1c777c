#include "core/base/describe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "core/base/json.hpp"
#include "core/base/utf8.hpp"

namespace skep {

std::string_view type_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "integer";
    case json::kind::double_:
      return "number";
    case json::kind::string:
      return "string";
    case json::kind::array:
      return "array";
    case json::kind::object:
      return "object";
  }
  return "value";
}

std::string shorten(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  return std::string(clip_utf8(text, limit)) + "..";
}

namespace {

void put_plain(JsonOut& out, const json::value& v) {
  if (v.is_double()) {
    out.number(v.get_double());
  } else if (const auto* a = v.if_array()) {
    out.array();
    for (const json::value& item : *a) put_plain(out, item);
    out.end_array();
  } else if (const auto* o = v.if_object()) {
    out.object();
    for (const auto& [name, value] : *o) put_plain(out.key(name), value);
    out.end_object();
  } else {
    out.raw(to_text(v));
  }
}

}  // namespace

std::string plain_text(const json::value& value) {
  JsonOut out;
  put_plain(out, value);
  return out.take();
}

namespace {

/// Long texts and lists are cut before they are written out: they may be megabytes.
std::string excerpt(const json::value& value, std::size_t limit) {
  if (const auto* s = value.if_string()) return to_text(json::value(shorten(*s, limit)));
  if (const auto* a = value.if_array(); a != nullptr && a->size() > limit)
    return std::to_string(a->size()) + " elements";
  if (const auto* o = value.if_object(); o != nullptr && o->size() > limit)
    return std::to_string(o->size()) + " members";
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return shorten(plain_text(value), limit);
}

}  // namespace

std::string describe(const json::value& value, std::size_t limit) {
  if (value.is_null()) return "null";
  const std::string_view type = type_name(value);
  const bool vowel = type == "integer" || type == "array" || type == "object";
  return excerpt(value, limit) + (vowel ? " (an " : " (a ") + std::string(type) + ")";
}

std::size_t nesting(const json::value& value) {
  std::size_t deepest = 0;
  if (const auto* a = value.if_array())
    for (const json::value& item : *a) deepest = std::max(deepest, nesting(item));
  else if (const auto* o = value.if_object())
    for (const auto& member : *o) deepest = std::max(deepest, nesting(member.value()));
  else
    return 0;
  return deepest + 1;
}

}  // namespace skep
