#include "core/app/plugin_json.hpp"

#include <boost/json.hpp>
#include <filesystem>

#include "core/base/json.hpp"

namespace skep::app {
namespace {

json::value parsed_or_null(const std::string& text) {
  auto v = parse_json(text);
  return v ? std::move(*v) : json::value();
}

json::array texts(const std::vector<std::string>& items) {
  json::array out;
  for (const std::string& item : items) out.emplace_back(item);
  return out;
}

json::object document_of(const plugin::ComponentInfo& c) {
  json::object o{{"name", c.name}, {"kind", c.kind}, {"description", c.description}};
  o["config_schema"] = parsed_or_null(c.config_schema);
  o["params_schema"] = parsed_or_null(c.params_schema);
  o["max_concurrency"] = c.max_concurrency;
  o["default_timeout_ms"] = c.default_timeout_ms;
  o["permissions"] = texts(c.permissions);
  return o;
}

json::object document_of(const plugin::GenerationInfo& g) {
  json::object o{{"number", g.number},     {"version", g.version},
                 {"sha256", g.sha256},     {"state", public_word(g.state)},
                 {"reason", g.reason},     {"isolation", g.isolation},
                 {"leases", g.inside},     {"calls", g.calls},
                 {"failures", g.failures}, {"active_at", nullptr},
                 {"drain_ms", nullptr}};
  if (g.active_at > 0) o["active_at"] = to_iso(g.active_at);
  if (g.drain_ms >= 0) o["drain_ms"] = g.drain_ms;
  return o;
}

json::array documents_of(const std::vector<plugin::GenerationInfo>& generations) {
  json::array out;
  for (const plugin::GenerationInfo& g : generations) out.push_back(document_of(g));
  return out;
}

json::object listed(json::array items) {
  json::object out;
  out["items"] = std::move(items);
  out["next_cursor"] = nullptr;
  return out;
}

json::object document_of(const plugin::ScriptInfo& s) {
  json::object o{{"name", s.name},    {"version", s.version}, {"description", s.description},
                 {"path", s.path},    {"sha256", s.sha256},   {"state", to_string(s.state)},
                 {"reason", s.reason}};
  o["permissions"] = texts(s.permissions);
  o["warnings"] = texts(s.warnings);
  o["generations"] = documents_of(s.generations);
  return o;
}

}  // namespace

json::object plugin_document(const plugin::PluginInfo& p) {
  // A refused file may have no readable id: then its file name stands for it.
  const std::string id = p.id.empty() ? std::filesystem::path(p.path).filename().string() : p.id;
  json::object o{{"id", id},
                 {"version", p.version},
                 {"license", p.license},
                 {"description", p.description},
                 {"path", p.path},
                 {"sha256", p.sha256},
                 {"failed_sha256", p.failed_sha256},
                 {"state", to_string(p.state)},
                 {"reason", p.reason}};
  json::array components;
  for (const plugin::ComponentInfo& c : p.components) components.push_back(document_of(c));
  o["components"] = std::move(components);
  o["generations"] = documents_of(p.generations);
  return o;
}

json::object plugin_list(const std::vector<plugin::PluginInfo>& plugins) {
  json::array items;
  for (const plugin::PluginInfo& p : plugins) items.push_back(plugin_document(p));
  return listed(std::move(items));
}

json::object script_list(const std::vector<plugin::ScriptInfo>& scripts) {
  json::array items;
  for (const plugin::ScriptInfo& s : scripts) items.push_back(document_of(s));
  return listed(std::move(items));
}

}  // namespace skep::app
