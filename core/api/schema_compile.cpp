#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "core/api/schema_node.hpp"
#include "core/base/describe.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"

namespace skep::api {
namespace {

constexpr std::size_t kMaxPattern = 512;
/// Schemas are compared choice by choice and member by member.
constexpr std::size_t kMaxChoices = 1'024;
constexpr std::size_t kMaxMembers = 1'024;
/// Bounds what a text costs: a pattern whose program is larger is refused.
constexpr std::int64_t kMaxPatternMemory = 256 << 10;

struct TypeWord {
  std::string_view name;
  unsigned bits;
  std::string_view words;
};
constexpr std::array kTypes{TypeWord{"null", kNull, "null"},
                            TypeWord{"boolean", kBoolean, "true or false"},
                            TypeWord{"integer", kInteger, "an integer"},
                            TypeWord{"number", kNumber | kInteger, "a number"},
                            TypeWord{"string", kString, "a string"},
                            TypeWord{"array", kArray, "an array"},
                            TypeWord{"object", kObject, "an object"}};

class Compiler;

struct Keyword {
  std::string_view name;
  unsigned types;  ///< of values that it can say something about
  /// Gets the value and its pointer step; null: read before or after all others.
  Status (Compiler::*read)(const json::value&, std::string_view);
};

const std::vector<Keyword>& keywords();

/// Compiles one schema object; a fresh one for each subschema.
class Compiler {
 public:
  Compiler(const json::value& schema, std::string pointer, bool secret)
      : schema_(schema), pointer_(std::move(pointer)) {
    node_.secret = secret;
  }

  Result<SchemaNode> run() {
    if (!schema_.is_object()) return fail("", "is " + describe(schema_) + "; expected an object");
    const json::object& object = schema_.get_object();
    // These first: the others depend on them.
    if (const auto* secret = object.if_contains("x-secret")) SKEP_TRY(read_secret(*secret));
    if (const auto* type = object.if_contains("type")) SKEP_TRY(read_type(*type));
    node_.open = !object.contains("properties") && node_.types != kObject;
    for (const auto& [name, value] : object) SKEP_TRY(read(name, value));
    if (pointer_.empty()) SKEP_TRY(read_versions(object, node_));
    if (object.contains("enum") && object.contains("const"))
      return fail("", "has enum and const; keep one of them");
    SKEP_TRY(check_order("minimum", "maximum", node_.minimum, node_.maximum));
    SKEP_TRY(check_order("minLength", "maxLength", node_.min_length, node_.max_length));
    SKEP_TRY(check_order("minItems", "maxItems", node_.min_items, node_.max_items));
    SKEP_TRY(check_required());
    SKEP_TRY(find_fallback(object));
    return std::move(node_);
  }

  Status check_count(std::string_view step, std::size_t n, std::size_t most,
                     std::string_view what) {
    if (n <= most) return {};
    return fail(step, "has " + std::to_string(n) + " " + std::string(what) + "; expected at most " +
                          std::to_string(most));
  }

  Status read_properties(const json::value& v, std::string_view step) {
    if (!v.is_object()) return mismatch(step, v, "an object");
    SKEP_TRY(check_count(step, v.get_object().size(), kMaxMembers, "members"));
    for (const auto& [name, schema] : v.get_object()) {
      auto property = below(std::string(step) + pointer_step(name), schema);
      if (!property) return property.error();
      node_.properties.emplace(std::string(name), std::move(*property));
    }
    return {};
  }

  Status read_additional(const json::value& v, std::string_view step) {
    if (!v.is_object() && !v.is_bool()) return mismatch(step, v, "true, false or a schema");
    node_.open = v.is_object() || v.get_bool();
    return v.is_object() ? read_below(v, step, node_.additional) : Status{};
  }

  Status read_items(const json::value& v, std::string_view step) {
    return read_below(v, step, node_.items);
  }

  /// Read by read_versions().
  Status read_whole(const json::value&, std::string_view step) {
    return pointer_.empty() ? Status{} : fail(step, "is for the whole schema only");
  }

  Status read_required(const json::value& v, std::string_view step) {
    if (!v.is_array()) return mismatch(step, v, "a list of names");
    SKEP_TRY(check_count(step, v.get_array().size(), kMaxMembers, "names"));
    for (const json::value& name : v.get_array()) {
      if (!name.is_string()) return fail(step, "has " + describe(name) + "; expected names");
      node_.required.emplace_back(name.get_string());
    }
    return {};
  }

  /// [{"required":["a"]}, {"required":["b"]}]: the one form of it that says who is missing.
  Status read_one_of(const json::value& v, std::string_view step) {
    if (!v.is_array() || v.get_array().size() < 2)
      return mismatch(step, v, "a list of at least two {\"required\": [NAME]}");
    for (const json::value& branch : v.get_array()) {
      const json::object* o = branch.if_object();
      const json::value* names = o == nullptr ? nullptr : o->if_contains("required");
      const json::array* list = names == nullptr ? nullptr : names->if_array();
      if (list == nullptr || o->size() != 1 || list->size() != 1 || !list->front().is_string())
        return fail(step, "has " + describe(branch) + "; expected {\"required\": [NAME]}");
      node_.one_of.emplace_back(list->front().get_string());
    }
    return {};
  }

  Status read_enum(const json::value& v, std::string_view step) {
    if (!v.is_array() || v.get_array().empty())
      return mismatch(step, v, "a list with at least one value");
    SKEP_TRY(check_count(step, v.get_array().size(), kMaxChoices, "values"));
    node_.choices.assign(v.get_array().begin(), v.get_array().end());
    return {};
  }

  Status read_const(const json::value& v, std::string_view) {
    node_.choices = {v};
    return {};
  }

  template <std::optional<double> SchemaNode::*Member>
  Status read_number(const json::value& v, std::string_view step) {
    if (!v.is_number()) return mismatch(step, v, "a number");
    node_.*Member = v.to_number<double>();
    return {};
  }

  template <std::optional<std::size_t> SchemaNode::*Member>
  Status read_size(const json::value& v, std::string_view step) {
    if (!v.is_int64() || v.get_int64() < 0) return mismatch(step, v, "an integer, 0 or more");
    node_.*Member = static_cast<std::size_t>(v.get_int64());
    return {};
  }

  Status read_pattern(const json::value& v, std::string_view step) {
    if (!v.is_string()) return mismatch(step, v, "a regular expression");
    node_.pattern_text = std::string(v.get_string());
    if (node_.pattern_text.size() > kMaxPattern)
      return fail(step, "is longer than " + std::to_string(kMaxPattern) + " bytes");
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(kMaxPatternMemory);
    auto pattern = std::make_unique<RE2>(node_.pattern_text, options);
    if (!pattern->ok())
      return fail(step,
                  "is no regular expression that can be used (RE2 syntax, so no look-ahead and "
                  "no back-references): " +
                      pattern->error());
    node_.pattern = std::move(pattern);
    return {};
  }

  Status read_text(const json::value& v, std::string_view step) {
    return v.is_string() ? Status{} : mismatch(step, v, "a string");
  }

 private:
  Status read(std::string_view name, const json::value& value) {
    std::vector<std::string> known;
    for (const Keyword& keyword : keywords()) {
      known.emplace_back(keyword.name);
      if (keyword.name != name) continue;
      const std::string step = pointer_step(name);
      if ((keyword.types & node_.types) == 0)
        return fail(step, "says nothing about " + node_.type_words);
      return keyword.read == nullptr ? Status{} : (this->*keyword.read)(value, step);
    }
    return fail(pointer_step(name), "unknown keyword; " + suggestion(name, known));
  }

  Status read_secret(const json::value& v) {
    if (!v.is_bool()) return mismatch("/x-secret", v, "true or false");
    node_.secret = node_.secret || v.get_bool();
    return {};
  }

  Status read_type(const json::value& v) {
    node_.types = 0;
    if (!v.is_array()) return add_type(v);
    if (v.get_array().empty()) return mismatch("/type", v, "at least one type");
    for (const json::value& item : v.get_array()) SKEP_TRY(add_type(item));
    return {};
  }

  Status add_type(const json::value& v) {
    std::vector<std::string> names;
    for (const TypeWord& type : kTypes) {
      names.emplace_back(type.name);
      if (!v.is_string() || std::string_view(v.get_string()) != type.name) continue;
      node_.type_words += (node_.types == 0 ? "" : " or ") + std::string(type.words);
      node_.types |= type.bits;
      return {};
    }
    const std::string_view word = v.is_string() ? std::string_view(v.get_string()) : "";
    return fail("/type", "is " + describe(v) + "; " + suggestion(word, names));
  }

  Result<SchemaNode> below(const std::string& step, const json::value& schema) {
    return Compiler(schema, pointer_ + step, node_.secret).run();
  }

  Status read_below(const json::value& v, std::string_view step, std::unique_ptr<SchemaNode>& to) {
    auto node = below(std::string(step), v);
    if (!node) return node.error();
    to = std::make_unique<SchemaNode>(std::move(*node));
    return {};
  }

  template <class T>
  Status check_order(std::string_view low_name, std::string_view high_name, std::optional<T> low,
                     std::optional<T> high) {
    if (!low || !high || *low <= *high) return {};
    return fail("", std::string(low_name) + " is greater than " + std::string(high_name));
  }

  Status check_required() {
    if (node_.open) return {};
    std::vector<std::string> known;
    for (const auto& property : node_.properties) known.push_back(property.first);
    const auto check = [&](const std::vector<std::string>& names, std::string_view step) -> Status {
      for (const std::string& name : names)
        if (!node_.properties.contains(name))
          return fail(step, "\"" + shorten(name) + "\" is not among the properties; " +
                                suggestion(name, known));
      return {};
    };
    SKEP_TRY(check(node_.required, "/required"));
    return check(node_.one_of, "/oneOf");
  }

  /// The default; for an object without one, what {} becomes when that is valid and not empty.
  Status find_fallback(const json::object& object) {
    const json::value* own = object.if_contains("default");
    if (own == nullptr && node_.types != kObject) return {};
    json::value value = own != nullptr ? *own : json::value(json::object());
    const auto problems = apply_schema(node_, value);
    if (own != nullptr && !problems.empty())
      return fail("/default" + problems.front().pointer, problems.front().message);
    if (own != nullptr || (problems.empty() && !value.get_object().empty()))
      node_.fallback = std::move(value);
    return {};
  }

  Error mismatch(std::string_view step, const json::value& v, std::string_view want) const {
    return fail(step, "is " + describe(v) + "; expected " + std::string(want));
  }

  Error fail(std::string_view step, const std::string& message) const {
    const std::string pointer = pointer_ + std::string(step);
    return invalid("schema" + (pointer.empty() ? "" : " " + pointer) + ": " + message)
        .named("schema");
  }

  const json::value& schema_;
  std::string pointer_;
  SchemaNode node_;
};

const std::vector<Keyword>& keywords() {
  static const auto* list = new std::vector<Keyword>{
      {"type", kAnyType, nullptr},
      {"description", kAnyType, &Compiler::read_text},
      {"default", kAnyType, nullptr},
      {"enum", kAnyType, &Compiler::read_enum},
      {"const", kAnyType, &Compiler::read_const},
      {"properties", kObject, &Compiler::read_properties},
      {"required", kObject, &Compiler::read_required},
      {"oneOf", kObject, &Compiler::read_one_of},
      {"additionalProperties", kObject, &Compiler::read_additional},
      {"items", kArray, &Compiler::read_items},
      {"minItems", kArray, &Compiler::read_size<&SchemaNode::min_items>},
      {"maxItems", kArray, &Compiler::read_size<&SchemaNode::max_items>},
      {"minimum", kNumber | kInteger, &Compiler::read_number<&SchemaNode::minimum>},
      {"maximum", kNumber | kInteger, &Compiler::read_number<&SchemaNode::maximum>},
      {"minLength", kString, &Compiler::read_size<&SchemaNode::min_length>},
      {"maxLength", kString, &Compiler::read_size<&SchemaNode::max_length>},
      {"pattern", kString, &Compiler::read_pattern},
      {"x-secret", kAnyType, nullptr},
      {"x-reload", kAnyType, &Compiler::read_text},
      {"x-version", kAnyType, &Compiler::read_whole},
      {"x-migrations", kObject, &Compiler::read_whole},
  };
  return *list;
}

}  // namespace

Result<SchemaNode> compile_schema(const json::value& schema) {
  return Compiler(schema, "", false).run();
}

}  // namespace skep::api
