#include "core/app/open_error.hpp"

#include <boost/json.hpp>

#include "core/base/json.hpp"

namespace skep::app {
namespace {

struct Place {
  std::string key;
  std::string path;
};

/// The longest path of the table that the text tells; no key when there is none.
Place place_in(const std::string& table, const std::string& text) {
  Place out;
  const auto members = parse_json(table);
  if (!members || !members->is_object()) return out;
  for (const auto& [key, value] : members->get_object()) {
    if (!value.is_string()) continue;
    const std::string path(value.get_string());
    if (path.starts_with('/') && path.size() > out.path.size() &&
        text.find(path) != std::string::npos)
      out = {std::string(key), path};
  }
  return out;
}

std::string next_step(Code code, const std::string& path) {
  if (path.empty()) return code == Code::kConfig ? "skep config check -c FILE" : "skep plugin list";
  return (code == Code::kNoMemory ? "df -h " : "namei -l ") + path;
}

}  // namespace

Error open_error(const std::string& section, const std::string& table, const Error& error) {
  const Place place = place_in(table, error.message);
  Error out = error.within("[" + section + "]" + (place.key.empty() ? "" : " " + place.key));
  if (out.next.empty()) out.next = next_step(out.code, place.path);
  return out;
}

}  // namespace skep::app
