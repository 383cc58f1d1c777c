// Holds real answers and requests against the schemas of an OpenAPI document.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/schema.hpp"
#include "core/base/json.hpp"

namespace skep::test {

/// The schemas are read more strictly than clients should: a member that is not described is wrong
/// in answers too.
class DocumentCheck {
 public:
  explicit DocumentCheck(const std::string& openapi) : document_(parse_json(openapi).value()) {}

  const json::object& schemas() const {
    return document_.at("components").at("schemas").as_object();
  }

  /// What is wrong with `text` as the document `name`; "" = it fits.
  std::string wrong(std::string_view name, const std::string& text) const {
    const auto value = parse_json(text);
    if (!value) return value.error().message;
    if (!schemas().contains(name)) return "there is no schema " + std::string(name);
    std::string out;
    for (const json::value& schema : alternatives(schemas().at(name))) {
      const auto compiled = api::Schema::compile(to_text(schema));
      if (!compiled) return compiled.error().message;
      json::value copy = *value;
      const auto problems = compiled->apply(copy);
      if (problems.empty()) return {};
      out += "\n  " + problems.front().pointer + ": " + problems.front().message;
    }
    return out;
  }

 private:
  using Values = std::vector<json::value>;

  /// api::Schema knows no $ref, oneOf or format: references are put in place, each choice makes a
  /// schema of its own, a format is a pattern.
  Values alternatives(const json::value& schema) const {
    const json::object& o = schema.as_object();
    if (const auto* to = o.if_contains("$ref")) {
      const std::string_view ref = to->as_string();
      return alternatives(schemas().at(ref.substr(ref.rfind('/') + 1)));
    }
    Values out;
    if (const auto* choices = o.if_contains("oneOf")) {
      for (const json::value& choice : choices->as_array())
        for (json::value& v : alternatives(choice)) out.push_back(std::move(v));
      return out;
    }
    out.emplace_back(json::object());
    for (const auto& [key, value] : o) {
      const std::string_view name(key);
      if (name == "contentEncoding" || name == "contentMediaType") continue;
      if (name == "format")
        set(out, "pattern", {R"(^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$)"});
      else if (name == "properties")
        set(out, name, of_properties(value.as_object()));
      else if (name == "items" || (name == "additionalProperties" && value.is_object()))
        set(out, name, alternatives(value));
      else
        set(out, name, {value});
    }
    return out;
  }

  Values of_properties(const json::object& properties) const {
    Values out{json::object()};
    for (const auto& [name, schema] : properties) set(out, name, alternatives(schema));
    return out;
  }

  /// Each of `objects` with each of `values` as its member `name`.
  static void set(Values& objects, std::string_view name, const Values& values) {
    Values out;
    for (const json::value& object : objects)
      for (const json::value& value : values) {
        out.push_back(object);
        out.back().as_object()[name] = value;
      }
    objects = std::move(out);
  }

  const json::value document_;
};

}  // namespace skep::test
