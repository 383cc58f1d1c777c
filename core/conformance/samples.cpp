#include "core/conformance/samples.hpp"

#include <algorithm>
#include <array>

namespace skep::conformance {
namespace {

constexpr std::array<std::string_view, 8> kTexts{"x",
                                                 "example",
                                                 "1",
                                                 "1s",
                                                 "/tmp/x",
                                                 "127.0.0.1:1",
                                                 "http://127.0.0.1:1",
                                                 "2026-01-01T00:00:00Z"};

/// No sample is longer; a schema may allow or demand what no memory holds.
constexpr std::int64_t kMaxText = 1 << 20;

const json::object* member_object(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  return v != nullptr ? v->if_object() : nullptr;
}

std::string type_of(const json::object& schema) {
  const json::value* v = schema.if_contains("type");
  if (v == nullptr) return "object";
  if (v->is_array())
    return v->get_array().empty() ? "" : std::string(v->get_array()[0].get_string());
  return std::string(v->get_string());
}

bool fits(const json::object& schema, json::value candidate) {
  const auto compiled = api::Schema::compile(to_text(schema));
  return compiled && compiled->apply(candidate).empty();
}

json::value sample(const json::object& schema);

json::value sample_text(const json::object& schema) {
  for (const std::string_view text : kTexts) {
    std::string candidate(text);
    const auto least = static_cast<std::size_t>(
        std::clamp<std::int64_t>(get_int(schema, "minLength"), 0, kMaxText));
    if (candidate.size() < least) candidate.resize(least, 'x');
    if (fits(schema, json::value(candidate))) return json::value(candidate);
  }
  return json::value("x");
}

json::value sample_array(const json::object& schema) {
  json::array out;
  const json::object* items = member_object(schema, "items");
  for (std::int64_t i = 0; i < std::min<std::int64_t>(get_int(schema, "minItems"), 64); ++i)
    out.push_back(items != nullptr ? sample(*items) : json::value("x"));
  return out;
}

/// Samples of the members that `rule` requires, beside those that are there.
void add_required(const json::object& rule, const json::object& properties, json::object& out) {
  const json::value* required = rule.if_contains("required");
  if (required == nullptr || !required->is_array()) return;
  for (const json::value& name : required->get_array())
    if (const json::object* p = member_object(properties, name.get_string());
        p != nullptr && !out.contains(name.get_string()))
      out[name.get_string()] = sample(*p);
}

/// What is missing in `out`, and of alternatives ("oneOf") the first, unless it has one of them.
void complete(const json::object& schema, json::object& out) {
  const json::object* properties = member_object(schema, "properties");
  if (properties == nullptr) return;
  add_required(schema, *properties, out);
  const json::value* one_of = schema.if_contains("oneOf");
  if (one_of == nullptr || !one_of->is_array() || one_of->get_array().empty()) return;
  for (const json::value& rule : one_of->get_array()) {
    json::object with = out;
    add_required(rule.get_object(), *properties, with);
    if (with == out) return;
  }
  add_required(one_of->get_array()[0].get_object(), *properties, out);
}

json::value sample_object(const json::object& schema) {
  json::object out;
  complete(schema, out);
  return out;
}

json::value sample(const json::object& schema) {
  if (const auto* v = schema.if_contains("const")) return *v;
  if (const auto* v = schema.if_contains("default")) return *v;
  if (const auto* v = schema.if_contains("enum");
      v != nullptr && v->is_array() && !v->get_array().empty())
    return v->get_array()[0];
  const std::string type = type_of(schema);
  if (type == "string") return sample_text(schema);
  if (type == "integer") return get_int(schema, "minimum", 1);
  if (type == "number") return get_double(schema, "minimum", 1);
  if (type == "boolean") return false;
  if (type == "array") return sample_array(schema);
  if (type == "object") return sample_object(schema);
  return nullptr;
}

json::object parsed_object(std::string_view text) {
  const auto v = parse_json(text);
  return v && v->is_object() ? v->get_object() : json::object();
}

class Breaker {
 public:
  explicit Breaker(json::object valid) : valid_(std::move(valid)) {}

  void set(std::string_view name, json::value value, std::string_view what) {
    json::object broken = valid_;
    broken[name] = std::move(value);
    add(name, broken, what);
  }
  void remove(std::string_view name, std::string_view what) {
    json::object broken = valid_;
    broken.erase(name);
    add(name, broken, what);
  }
  std::vector<Violation> take() { return std::move(out_); }

 private:
  void add(std::string_view name, const json::object& broken, std::string_view what) {
    out_.push_back({"/" + std::string(name) + ": " + std::string(what), to_text(broken)});
  }
  json::object valid_;
  std::vector<Violation> out_;
};

void break_property(Breaker& breaker, std::string_view name, const json::object& schema) {
  const std::string type = type_of(schema);
  if (type == "string")
    breaker.set(name, 17, "not a text");
  else
    breaker.set(name, "text", "a text");
  if (schema.contains("enum") || schema.contains("const"))
    breaker.set(name, "\x01 none of them", "none of the values allowed");
  if (const auto* v = schema.if_contains("minimum"))
    breaker.set(name, v->to_number<double>() - 1, "below its minimum");
  if (const auto* v = schema.if_contains("maximum"))
    breaker.set(name, v->to_number<double>() + 1, "above its maximum");
  if (get_int(schema, "minLength") > 0) breaker.set(name, "", "shorter than its minLength");
  if (const std::int64_t most = get_int(schema, "maxLength", kMaxText); most < kMaxText)
    breaker.set(name, json::value(std::string(static_cast<std::size_t>(most) + 1, 'x')),
                "longer than its maxLength");
  if (get_int(schema, "minItems") > 0) breaker.set(name, json::array(), "has too few items");
}

}  // namespace

Result<std::string> complete_document(const api::Schema& schema, std::string_view document_json) {
  const auto given = parse_json(document_json);
  if (!given) return given.error();
  if (!given->is_object()) return invalid("not a JSON object");
  json::value document = *given;
  complete(parsed_object(schema.text()), document.get_object());
  const auto problems = schema.apply(document);
  if (!problems.empty()) return api::schema_error("the sample", problems);
  return to_text(document);
}

std::vector<Violation> violations(const api::Schema& schema, std::string_view valid_json) {
  const json::object root = parsed_object(schema.text());
  Breaker breaker(parsed_object(valid_json));
  if (const json::object* properties = member_object(root, "properties"))
    for (const auto& [name, rules] : *properties)
      if (const auto* object = rules.if_object()) break_property(breaker, name, *object);
  if (const auto* required = root.if_contains("required");
      required != nullptr && required->is_array())
    for (const json::value& name : required->get_array())
      breaker.remove(name.get_string(), "missing");
  const auto* more = root.if_contains("additionalProperties");
  if (more == nullptr || (more->is_bool() && !more->get_bool()))
    breaker.set("skep-kit-unknown", 1, "unknown");
  return breaker.take();
}

}  // namespace skep::conformance
