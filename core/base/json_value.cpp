#include "core/base/json_value.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace skep {

namespace json = boost::json;

bool same_value(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number() && (a.is_double() || b.is_double()))
    return a.to_number<double>() == b.to_number<double>();
  if (a.is_array() && b.is_array())
    return std::equal(a.get_array().begin(), a.get_array().end(), b.get_array().begin(),
                      b.get_array().end(), same_value);
  if (!a.is_object() || !b.is_object()) return a == b;
  const auto& other = b.get_object();
  return a.get_object().size() == other.size() &&
         std::all_of(a.get_object().begin(), a.get_object().end(), [&](const auto& member) {
           const json::value* twin = other.if_contains(member.key());
           return twin != nullptr && same_value(member.value(), *twin);
         });
}

}  // namespace skep
