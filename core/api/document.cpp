#include "core/api/document.hpp"

#include <algorithm>

#include "core/base/json.hpp"

namespace skep::api::shape {
namespace {

void write_properties(JsonOut& out, const Members& members) {
  out.key("properties").object();
  for (const Member& m : members) out.key(m.name).raw(m.schema);
  out.end_object();
}

void write_names(JsonOut& out, std::string_view key, const std::vector<std::string_view>& names) {
  if (names.empty()) return;
  out.key(key).array();
  for (const std::string_view name : names) out.str(name);
  out.end_array();
}

}  // namespace

std::string answer(const Members& members, Names optional) {
  std::vector<std::string_view> required;
  for (const Member& m : members)
    if (std::find(optional.begin(), optional.end(), m.name) == optional.end())
      required.push_back(m.name);
  JsonOut out;
  out.object().key("type").str("object");
  write_names(out, "required", required);
  write_properties(out, members);
  return out.end_object().take();
}

std::string request(const Members& members, Names required) {
  JsonOut out;
  out.object().key("type").str("object");
  write_names(out, "required", required);
  write_properties(out, members);
  return out.key("additionalProperties").boolean(false).end_object().take();
}

std::string part(const Members& members) {
  JsonOut out;
  write_properties(out.object().key("type").str("object"), members);
  return out.key("additionalProperties").boolean(true).end_object().take();
}

std::string array(std::string_view items) {
  JsonOut out;
  return out.object().key("type").str("array").key("items").raw(items).end_object().take();
}

std::string map(std::string_view values) {
  JsonOut out;
  out.object().key("type").str("object");
  return out.key("additionalProperties").raw(values).end_object().take();
}

std::string ref(std::string_view name) {
  JsonOut out;
  out.object().key("$ref").str("#/components/schemas/" + std::string(name));
  return out.end_object().take();
}

std::string word(Names words) {
  JsonOut out;
  out.object().key("type").str("string");
  write_names(out, "enum", words);
  return out.end_object().take();
}

std::string either(const std::vector<std::string>& schemas) {
  JsonOut out;
  out.object().key("oneOf").array();
  for (const std::string& schema : schemas) out.raw(schema);
  return out.end_array().end_object().take();
}

std::string told(std::string_view schema, std::string_view description) {
  JsonOut out;
  out.object().key("description").str(description);
  std::string text = out.take();
  const bool more = schema.size() > 2;
  return text + (more ? "," : "") + std::string(schema.substr(1));
}

std::string items(std::string_view name) { return answer({{"items", array(ref(name))}}); }

std::string page(std::string_view name) {
  return answer({{"items", array(ref(name))}, {"next_cursor", kTextOrNull}});
}

}  // namespace skep::api::shape
