#include "core/conformance/plugin_source.hpp"

#include <algorithm>

#include "core/base/id.hpp"
#include "skep/svc/http.h"

namespace skep::conformance {
namespace {

constexpr std::string_view kNew = "{new}";
constexpr std::size_t kNewLength = 12;

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

}  // namespace

Subject on_folder(const Subject& subject, const std::string& folder, const json::object& settings) {
  Subject out = subject;
  auto document = parse_json(subject.config);
  if (document && document->is_object()) {
    for (const auto& [key, value] : settings) document->get_object()[key] = value;
    out.config = to_text(*document);
  }
  replace_all(out.config, kNew, sha256_hex(folder).substr(0, kNewLength));
  return out;
}

void answer_http(Opened& opened, ControlPlane& plane) {
  skep_fake_http_answer_by(opened.instance.plugin().host(), ControlPlane::answer, &plane);
}

bool needs_http(const Subject& subject) {
  const auto& needed = subject.component->required_services;
  return std::find(needed.begin(), needed.end(), SKEP_SVC_HTTP) != needed.end();
}

bool has_setting(const Subject& subject, std::string_view setting) {
  if (!subject.component->config_schema) return false;
  const auto schema = parse_json(subject.component->config_schema->text());
  if (!schema || !schema->is_object()) return false;
  const json::value* properties = schema->get_object().if_contains("properties");
  return properties != nullptr && properties->is_object() &&
         properties->get_object().contains(setting);
}

}  // namespace skep::conformance
