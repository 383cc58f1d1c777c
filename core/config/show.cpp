#include "core/config/show.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/config/layers.hpp"

namespace skep::config {
namespace {

bool is_secret_name(std::string_view name) {
  if (name.ends_with("_file")) return false;
  for (const std::string_view word :
       {"password", "passwd", "secret", "token", "api_key", "private_key"})
    if (name.find(word) != std::string_view::npos) return true;
  return false;
}

struct Line {
  std::string name;
  json::value value;
};
struct Section {
  std::string name;
  std::vector<Line> lines;
};

void add_members(Section& section, const std::string& table, bool keys_too) {
  const json::object members = std::move(parse_json(table).value().get_object());
  for (const auto& [name, value] : members)
    if (keys_too || find_key(section.name, name) == nullptr)
      section.lines.push_back({std::string(name), masked(name, value)});
}

/// [NAME.X], of those who have such tables.
const std::map<std::string, std::string>& tables_of(const Config& config, std::string_view name) {
  static const auto* none = new std::map<std::string, std::string>;
  if (name == "plugins") return config.plugins.tables;
  if (name == "scripts") return config.scripts.tables;
  return name == "secrets" ? config.secrets : *none;
}

std::vector<Section> sections(const Config& config) {
  std::vector<Section> out;
  for (const std::string& name : section_names()) {
    Section section{name, {}};
    for (const Key& key : keys())
      if (key.section == name)
        if (json::value value = get(config, key); !value.is_null())
          section.lines.push_back({std::string(key.name), std::move(value)});
    if (const ComponentSection* at = find_component_section(name))
      add_members(section, (config.*at->table).table, false);
    if (name != "secrets" || !config.secrets.empty()) out.push_back(std::move(section));
    for (const auto& [owner, table] : tables_of(config, name)) {
      Section inner{name + "." + owner, {}};
      add_members(inner, table, true);
      out.push_back(std::move(inner));
    }
  }
  return out;
}

/// A JSON string is a TOML basic string but for DEL, which TOML wants escaped.
std::string toml_string(std::string_view text) {
  std::string out;
  for (const char c : to_text(json::value(json::string(text)))) {
    if (c == 0x7f)
      out += "\\u007F";
    else
      out += c;
  }
  return out;
}

std::string toml_key(std::string_view name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
  return bare ? std::string(name) : toml_string(name);
}

std::string toml_number(double number) {
  std::string out = JsonOut().number(number).take();
  return out.find_first_of(".e") == std::string::npos ? out + ".0" : out;
}

std::string toml_value(const json::value& value);

std::string toml_array(const json::array& array) {
  std::string out;
  for (const json::value& item : array) out += (out.empty() ? "" : ", ") + toml_value(item);
  return "[" + out + "]";
}

std::string toml_table(const json::object& object) {
  std::string out;
  for (const auto& [name, value] : object)
    out += (out.empty() ? " " : ", ") + toml_key(name) + " = " + toml_value(value);
  return out.empty() ? "{}" : "{" + out + " }";
}

std::string toml_value(const json::value& value) {
  if (const auto* s = value.if_string()) return toml_string(*s);
  if (const auto* a = value.if_array()) return toml_array(*a);
  if (const auto* o = value.if_object()) return toml_table(*o);
  return value.is_double() ? toml_number(value.get_double()) : to_text(value);
}

std::string header(const std::string& section) {
  const std::size_t dot = section.find('.');
  if (dot == std::string::npos) return "[" + section + "]\n";
  return "[" + section.substr(0, dot + 1) + toml_key(section.substr(dot + 1)) + "]\n";
}

void write_origin(JsonOut& out, const Origin& origin) {
  static constexpr std::string_view kKinds[] = {"default", "file", "env", "flag"};
  out.object().key("kind").str(kKinds[static_cast<std::size_t>(origin.kind)]);
  if (origin.kind == Layer::kFile)
    out.key("file")
        .str(origin.file)
        .key("line")
        .integer(origin.line)
        .key("column")
        .integer(origin.column);
  if (!origin.name.empty()) out.key("name").str(origin.name);
  out.end_object();
}

void write_sections(JsonOut& out, const Config& config) {
  json::object tree;
  for (const Section& section : sections(config)) {
    const std::size_t dot = section.name.find('.');
    const bool inner = dot != std::string::npos;
    json::object& parent = inner ? tree[section.name.substr(0, dot)].as_object() : tree;
    json::object& members =
        parent[inner ? section.name.substr(dot + 1) : section.name].emplace_object();
    for (const Line& line : section.lines) members[line.name] = line.value;
  }
  out.raw(to_text(tree));
}

}  // namespace

json::value masked(std::string_view name, const json::value& value) {
  if (is_secret_name(name)) return json::value("***");
  if (const auto* s = value.if_string()) return json::value(hide_password(*s));
  if (const auto* a = value.if_array()) {
    json::array out;
    for (const json::value& item : *a) out.push_back(masked(name, item));
    return out;
  }
  if (const auto* o = value.if_object()) {
    json::object out;
    for (const auto& [key, member] : *o) out[key] = masked(key, member);
    return out;
  }
  return value;
}

std::string show(const Loaded& loaded, bool origins) {
  std::string out;
  for (const Section& section : sections(loaded.config)) {
    out += (out.empty() ? "" : "\n") + header(section.name);
    for (const Line& line : section.lines) {
      out += toml_key(line.name) + " = " + toml_value(line.value);
      const auto origin = loaded.origins.find(section.name + "." + line.name);
      if (origins && origin != loaded.origins.end()) out += "  # " + to_string(origin->second);
      out += '\n';
    }
  }
  return out;
}

std::string show_json(const Loaded& loaded) {
  JsonOut out;
  out.object().key("config");
  write_sections(out, loaded.config);
  out.key("origins").object();
  for (const auto& [path, origin] : loaded.origins) write_origin(out.key(path), origin);
  out.end_object().key("warnings").array();
  for (const std::string& warning : loaded.warnings) out.str(warning);
  return out.end_array().end_object().take();
}

}  // namespace skep::config
