#include "core/api/schema.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "core/api/schema_node.hpp"
#include "core/base/describe.hpp"
#include "core/base/json.hpp"
#include "core/base/json_value.hpp"
#include "core/base/text.hpp"

namespace skep::api {
namespace {

constexpr std::size_t kMaxProblems = 20;
constexpr std::size_t kMaxPatternInput = 4096;

/// The way to a value, as links on the stack: text is made of it only for a problem.
struct Where {
  const Where* up = nullptr;
  std::string_view key{};
  std::size_t index = 0;

  std::string pointer() const {
    if (up == nullptr) return {};
    return up->pointer() +
           (key.data() == nullptr ? "/" + std::to_string(index) : pointer_step(key));
  }
};

unsigned type_bit(const json::value& v) {
  switch (v.kind()) {
    case json::kind::null:
      return kNull;
    case json::kind::bool_:
      return kBoolean;
    case json::kind::int64:
    case json::kind::uint64:
      return kInteger;
    case json::kind::double_:
      return kNumber;
    case json::kind::string:
      return kString;
    case json::kind::array:
      return kArray;
    case json::kind::object:
      return kObject;
  }
  return 0;
}

/// 5.0 is an integer by JSON Schema; plugins then read it as one.
void make_integer(json::value& v) {
  const double d = v.get_double();
  if (d == std::floor(d) && std::abs(d) < 9.2e18) v = static_cast<std::int64_t>(d);
}

std::size_t characters(std::string_view s) {
  return static_cast<std::size_t>(std::count_if(
      s.begin(), s.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string counted(std::size_t n, std::string_view unit) {
  return std::to_string(n) + " " + std::string(unit) + (n == 1 ? "" : "s");
}

std::string plain(double number) { return JsonOut().number(number).take(); }

class Applier {
 public:
  void apply(const SchemaNode& node, json::value& value, const Where& where) {
    if (full()) return;
    if ((node.types & kInteger) != 0 && (node.types & kNumber) == 0 && value.is_double())
      make_integer(value);
    if ((type_bit(value) & node.types) == 0)
      return add(where, "is " + shown(node, value) + "; expected " + node.type_words);
    check_choice(node, value, where);
    if (value.is_object()) return apply_object(node, value.get_object(), where);
    if (value.is_array()) return apply_array(node, value.get_array(), where);
    if (value.is_string()) return check_string(node, value, where);
    if (value.is_number()) check_number(node, value, where);
  }

  std::vector<SchemaProblem> take() { return std::move(problems_); }

 private:
  void apply_object(const SchemaNode& node, json::object& object, const Where& where) {
    for (auto& [key, value] : object) {
      const Where here{&where, key};
      if (const auto property = node.properties.find(std::string_view(key));
          property != node.properties.end())
        apply(property->second, value, here);
      else if (node.additional != nullptr)
        apply(*node.additional, value, here);
      else if (!node.open)
        add(here, unknown(node, key));
    }
    for (const auto& [name, property] : node.properties)
      if (property.fallback && !object.contains(name)) object.emplace(name, *property.fallback);
    for (const std::string& name : node.required)
      if (!object.contains(name)) add(where, "missing member \"" + name + "\"");
    check_one_of(node, object, where);
  }

  void check_one_of(const SchemaNode& node, const json::object& object, const Where& where) {
    if (node.one_of.empty()) return;
    const auto there = std::count_if(node.one_of.begin(), node.one_of.end(),
                                     [&](const auto& name) { return object.contains(name); });
    if (there != 1)
      add(where, "has " + std::string(there == 0 ? "none" : "several") + " of \"" +
                     join(node.one_of, "\", \"") + "\"; expected exactly one of them");
  }

  void apply_array(const SchemaNode& node, json::array& array, const Where& where) {
    check_size(node.min_items, node.max_items, array.size(), "element", where);
    if (node.items == nullptr) return;
    for (std::size_t i = 0; i < array.size() && !full(); ++i)
      apply(*node.items, array[i], Where{&where, {}, i});
  }

  void check_choice(const SchemaNode& node, const json::value& value, const Where& where) {
    if (node.choices.empty()) return;
    std::vector<std::string> words;
    for (const json::value& choice : node.choices) {
      if (same_value(value, choice)) return;
      words.push_back(choice.is_string() ? std::string(choice.get_string())
                                         : shorten(plain_text(choice)));
    }
    const std::string hint = node.secret || !value.is_string()
                                 ? "known: " + join(words, ", ")
                                 : suggestion(std::string_view(value.get_string()), words);
    add(where, "is " + shown(node, value) + ", which is not allowed; " + hint);
  }

  void check_string(const SchemaNode& node, const json::value& value, const Where& where) {
    const std::string_view text = value.get_string();
    if (node.min_length || node.max_length)
      check_size(node.min_length, node.max_length, characters(text), "character", where);
    if (!node.pattern) return;
    if (text.size() > kMaxPatternInput)
      return add(where, "has " + counted(text.size(), "byte") +
                            "; a text with a pattern has at most " +
                            std::to_string(kMaxPatternInput));
    if (!RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *node.pattern))
      add(where, "is " + shown(node, value) + "; expected a match of " + node.pattern_text);
  }

  void check_number(const SchemaNode& node, const json::value& value, const Where& where) {
    const double number = value.to_number<double>();
    if (node.minimum && !(number >= *node.minimum))
      add(where, "is " + shown(node, value) + "; expected at least " + plain(*node.minimum));
    if (node.maximum && !(number <= *node.maximum))
      add(where, "is " + shown(node, value) + "; expected at most " + plain(*node.maximum));
  }

  void check_size(std::optional<std::size_t> least, std::optional<std::size_t> most,
                  std::size_t size, std::string_view unit, const Where& where) {
    if (least && size < *least)
      add(where, "has " + counted(size, unit) + "; expected at least " + std::to_string(*least));
    if (most && size > *most)
      add(where, "has " + counted(size, unit) + "; expected at most " + std::to_string(*most));
  }

  static std::string unknown(const SchemaNode& node, std::string_view key) {
    std::vector<std::string> known;
    for (const auto& property : node.properties) known.push_back(property.first);
    return "unknown member \"" + shorten(key) + "\"; " + suggestion(key, known);
  }

  static std::string shown(const SchemaNode& node, const json::value& value) {
    if (!node.secret || value.is_null()) return describe(value);
    return "a secret of type " + std::string(type_name(value));
  }

  bool full() const { return problems_.size() >= kMaxProblems; }

  void add(const Where& where, std::string message) {
    if (!full()) problems_.push_back({where.pointer(), std::move(message)});
  }

  std::vector<SchemaProblem> problems_;
};

std::string located(const SchemaProblem& problem) {
  return problem.pointer.empty() ? ": " + problem.message
                                 : " " + shorten(problem.pointer, 200) + ": " + problem.message;
}

}  // namespace

std::string pointer_step(std::string_view key) {
  std::string out = "/";
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::vector<SchemaProblem> apply_schema(const SchemaNode& node, json::value& document) {
  Applier applier;
  applier.apply(node, document, Where{});
  return applier.take();
}

Schema::Schema(std::shared_ptr<const Node> root, std::string text)
    : root_(std::move(root)), text_(std::move(text)) {}

Result<Schema> Schema::compile(std::string_view schema_json) {
  auto document = parse_json(schema_json);
  if (!document) return document.error().within("schema");
  auto root = compile_schema(*document);
  if (!root) return root.error();
  return Schema(std::make_shared<const Node>(Node{std::move(*root)}), std::string(schema_json));
}

std::vector<SchemaProblem> Schema::apply(json::value& document) const {
  return apply_schema(*root_, document);
}

const std::string& Schema::text() const { return text_; }

Error schema_error(std::string_view what, const std::vector<SchemaProblem>& problems) {
  std::string message(what);
  message += problems.empty() ? ": does not fit its schema" : located(problems.front());
  if (problems.size() > 1) message += " (and " + counted(problems.size() - 1, "more problem") + ")";
  return invalid(std::move(message)).named("schema");
}

std::string problems_json(const std::vector<SchemaProblem>& problems) {
  JsonOut out;
  out.array();
  for (const SchemaProblem& problem : problems)
    out.object()
        .key("pointer")
        .str(problem.pointer)
        .key("message")
        .str(problem.message)
        .end_object();
  return out.end_array().take();
}

}  // namespace skep::api
