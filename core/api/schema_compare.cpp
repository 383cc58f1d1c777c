// What a schema no longer accepts of what a former one did.
#include <algorithm>
#include <boost/json.hpp>

#include "core/api/schema_node.hpp"
#include "core/base/describe.hpp"
#include "core/base/json.hpp"
#include "core/base/json_value.hpp"
#include "core/base/text.hpp"

namespace skep::api {
namespace {

constexpr std::size_t kMostChanges = 20;
constexpr std::size_t kMostWords = 12;

const SchemaNode& anything() {
  static const auto* node = new SchemaNode;
  return *node;
}

/// What a member of that name must look like; null when there may be none.
const SchemaNode* member(const SchemaNode& node, const std::string& name) {
  if (const auto at = node.properties.find(name); at != node.properties.end()) return &at->second;
  if (node.additional != nullptr) return node.additional.get();
  return node.open ? &anything() : nullptr;
}

bool has_fallback(const SchemaNode& node, const std::string& name) {
  const auto at = node.properties.find(name);
  return at != node.properties.end() && at->second.fallback;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

template <class T>
std::string number(const T& value) {
  return JsonOut().number(static_cast<double>(value)).take();
}

class Comparison {
 public:
  void compare(const SchemaNode& former, const SchemaNode& now, const std::string& at) {
    if (full()) return;
    if (!former.choices.empty()) return compare_choices(former, now, at);
    if ((former.types & ~now.types) != 0) add(at, "must be " + now.type_words + " now");
    if (!now.choices.empty()) add(at, "takes only some values now: " + words(now.choices));
    if (both(former, now, kInteger)) compare_numbers(former, now, at);
    if (both(former, now, kString)) compare_strings(former, now, at);
    if (both(former, now, kArray)) compare_arrays(former, now, at);
    if (both(former, now, kObject)) compare_objects(former, now, at);
  }

  std::vector<SchemaProblem> take() { return std::move(changes_); }

 private:
  static bool both(const SchemaNode& former, const SchemaNode& now, unsigned type) {
    return (former.types & now.types & type) != 0;
  }

  static std::string words(const std::vector<json::value>& values) {
    std::vector<std::string> out;
    for (const json::value& value : values) {
      if (out.size() == kMostWords) break;
      out.push_back(shorten(plain_text(value)));
    }
    const std::size_t more = values.size() - out.size();
    return join(out, ", ") + (more > 0 ? " and " + std::to_string(more) + " more" : "");
  }

  void compare_choices(const SchemaNode& former, const SchemaNode& now, const std::string& at) {
    std::vector<json::value> gone;
    // To say what is wrong with a choice looks at all others: first whether it can be right.
    const auto is_choice = [&](const json::value& value) {
      return now.choices.empty() ||
             std::any_of(now.choices.begin(), now.choices.end(),
                         [&](const json::value& choice) { return same_value(value, choice); });
    };
    for (json::value choice : former.choices)
      if (!is_choice(choice) || !apply_schema(now, choice).empty())
        gone.push_back(std::move(choice));
    if (!gone.empty()) add(at, "no longer takes " + (now.secret ? "a value" : words(gone)));
  }

  template <class T>
  void at_least(const std::optional<T>& former, const std::optional<T>& now, const std::string& at,
                std::string_view what) {
    if (now && (!former || *former < *now)) add(at, std::string(what) + number(*now) + " now");
  }
  template <class T>
  void at_most(const std::optional<T>& former, const std::optional<T>& now, const std::string& at,
               std::string_view what) {
    if (now && (!former || *former > *now)) add(at, std::string(what) + number(*now) + " now");
  }

  void compare_numbers(const SchemaNode& former, const SchemaNode& now, const std::string& at) {
    at_least(former.minimum, now.minimum, at, "is at least ");
    at_most(former.maximum, now.maximum, at, "is at most ");
  }

  void compare_strings(const SchemaNode& former, const SchemaNode& now, const std::string& at) {
    at_least(former.min_length, now.min_length, at, "its least length is ");
    at_most(former.max_length, now.max_length, at, "its greatest length is ");
    if (now.pattern && now.pattern_text != former.pattern_text)
      add(at, "must match " + now.pattern_text + " now");
  }

  void compare_arrays(const SchemaNode& former, const SchemaNode& now, const std::string& at) {
    at_least(former.min_items, now.min_items, at, "its least number of elements is ");
    at_most(former.max_items, now.max_items, at, "its greatest number of elements is ");
    if (now.items != nullptr)
      compare(former.items ? *former.items : anything(), *now.items, at + "/*");
  }

  void compare_objects(const SchemaNode& former, const SchemaNode& now, const std::string& at) {
    for (const auto& [name, property] : former.properties) {
      const SchemaNode* match = member(now, name);
      if (match == nullptr)
        add(at + pointer_step(name), "was removed");
      else
        compare(property, *match, at + pointer_step(name));
    }
    // Members that the former one took without naming them.
    for (const auto& [name, property] : now.properties)
      if (!former.properties.contains(name))
        if (const SchemaNode* match = member(former, name))
          compare(*match, property, at + pointer_step(name));
    if (former.open) compare_others(former, now, at);
    compare_required(former, now, at);
  }

  void compare_others(const SchemaNode& former, const SchemaNode& now, const std::string& at) {
    if (!now.open)
      add(at, "takes no members beyond those it names now");
    else if (now.additional != nullptr)
      compare(former.additional ? *former.additional : anything(), *now.additional, at + "/*");
  }

  void compare_required(const SchemaNode& former, const SchemaNode& now, const std::string& at) {
    for (const std::string& name : now.required) {
      const bool was_there = contains(former.required, name) && !has_fallback(former, name);
      if (!was_there && !has_fallback(now, name)) add(at + pointer_step(name), "is required now");
    }
    // A member that has a default is always there.
    const auto same_fallback = [&](const std::string& name) {
      return has_fallback(former, name) == has_fallback(now, name);
    };
    if (!now.one_of.empty() && (sorted(now.one_of) != sorted(former.one_of) ||
                                !std::all_of(now.one_of.begin(), now.one_of.end(), same_fallback)))
      add(at, "must have exactly one of \"" + join(now.one_of, "\", \"") + "\" now");
  }

  bool full() const { return changes_.size() >= kMostChanges; }
  void add(const std::string& at, std::string message) {
    if (!full()) changes_.push_back({at, std::move(message)});
  }

  std::vector<SchemaProblem> changes_;
};

}  // namespace

std::vector<SchemaProblem> Schema::changes_since(const Schema& former) const {
  if (text_ == former.text_) return {};
  Comparison comparison;
  comparison.compare(*former.root_, *root_, "");
  return comparison.take();
}

}  // namespace skep::api
