#include "document.hpp"

#include <map>
#include <string>
#include <string_view>

namespace skep::facts {
namespace {

struct Unit {
  std::string_view ending;
  const char* unit;
};

constexpr Unit kUnits[] = {
    {"_bytes", "bytes"},     {"_seconds", "seconds"}, {"_microseconds", "microseconds"},
    {"_mhz", "MHz"},         {"_mbps", "Mbit/s"},     {"_bits", "bits"},
    {"_percent", "percent"}, {"_ms", "milliseconds"}, {"_count", "count"},
    {"_cores", "cores"},
};

Json unit_of(std::string_view path) {
  for (const auto& [ending, unit] : kUnits)
    if (path.ends_with(ending) || path.ends_with(std::string(".").append(ending.substr(1))))
      return unit;
  return nullptr;
}

const char* type_of(const Json& leaf) {
  if (leaf.is_string()) return "string";
  if (!leaf.is_number()) return "boolean";
  return leaf.dump().find_first_of(".e") == std::string::npos ? "integer" : "number";
}

using Types = std::map<std::string, const char*>;

void walk(const Json& value, const std::string& path, Types& types) {
  for (const auto& [name, member] : value.members())
    walk(member, path.empty() ? name : path + "." + name, types);
  for (const Json& item : value.items()) walk(item, path + "[]", types);
  if (value.is_object() || value.is_array() || value.is_null()) return;
  const char*& type = types[path];
  const std::string_view seen = type == nullptr ? "" : type;
  if (seen != "number") type = type_of(value);  // 1 and 0.5 in one list: a number
}

}  // namespace

std::int64_t count_leaves(const Json& value) {
  std::int64_t n = 0;
  for (const auto& [name, member] : value.members()) n += count_leaves(member);
  for (const Json& item : value.items()) n += count_leaves(item);
  return n + (value.is_object() || value.is_array() || value.is_null() ? 0 : 1);
}

Json describe(const Json& facts) {
  Types types;
  walk(facts, "", types);
  Json out = Json::object();
  for (const auto& [path, type] : types)
    out.set(path, Json::object({{"type", type}, {"unit", unit_of(path)}}));
  return out;
}

}  // namespace skep::facts
