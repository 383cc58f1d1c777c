#include "core/api/wire_parts.hpp"

#include <algorithm>
#include <boost/json.hpp>

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
