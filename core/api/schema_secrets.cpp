// Values that nobody is shown.
#include <algorithm>
#include <boost/json.hpp>

#include "core/api/schema_node.hpp"
#include "core/base/json.hpp"

namespace skep::api {
namespace {

constexpr std::string_view kHiddenValue = "***";

bool has_secret(const SchemaNode& node) {
  if (node.secret || (node.additional && has_secret(*node.additional)) ||
      (node.items && has_secret(*node.items)))
    return true;
  return std::any_of(node.properties.begin(), node.properties.end(),
                     [](const auto& property) { return has_secret(property.second); });
}

void hide(const SchemaNode& node, json::value& value) {
  if (node.secret) {
    value = kHiddenValue;
    return;
  }
  if (value.is_object())
    for (auto& [name, member] : value.get_object()) {
      if (const auto at = node.properties.find(std::string_view(name)); at != node.properties.end())
        hide(at->second, member);
      else if (node.additional)
        hide(*node.additional, member);
    }
  if (value.is_array() && node.items)
    for (json::value& item : value.get_array()) hide(*node.items, item);
}

}  // namespace

bool Schema::has_secrets() const { return has_secret(*root_); }

void Schema::hide_secrets(json::value& document) const { hide(*root_, document); }

}  // namespace skep::api
