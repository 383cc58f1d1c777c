#include "core/api/wire_parts.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "core/base/base64.hpp"
#include "core/base/utf8.hpp"

namespace skep::api {

using model::Lease;

JsonOut& lease_members(JsonOut& out, const Lease& l) {
  return out.key("task_id")
      .str(l.task_id)
      .key("attempt")
      .integer(l.attempt)
      .key("lease_id")
      .str(l.lease_id);
}

Lease lease_of(const json::object& o) {
  return {get_string(o, "task_id"), get_int(o, "attempt"), get_string(o, "lease_id")};
}

JsonOut& output_members(JsonOut& out, std::string_view bytes) {
  if (is_utf8(bytes)) return out.key("text").str(bytes);
  return out.key("text").str(to_utf8(bytes)).key("base64").str(base64_encode(bytes));
}

std::string output_of(const json::object& o) {
  if (o.contains("base64"))
    if (auto bytes = base64_decode(get_string(o, "base64"))) return std::move(*bytes);
  return get_string(o, "text");
}

std::vector<const json::object*> objects_of(const json::object& o, std::string_view key) {
  std::vector<const json::object*> out;
  if (const auto* v = o.if_contains(key); v != nullptr && v->is_array())
    for (const auto& item : v->get_array())
      if (item.is_object()) out.push_back(&item.get_object());
  return out;
}

int small_int(const json::object& o, std::string_view key) {
  return static_cast<int>(std::clamp<std::int64_t>(get_int(o, key), INT32_MIN, INT32_MAX));
}

}  // namespace skep::api
