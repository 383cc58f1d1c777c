#include "tests/unit/sdk/abi_prefix.hpp"

#include <regex>

#include "core/base/json.hpp"

namespace skep::test {
namespace {

std::string even(const std::string& text) {
  const std::string one = std::regex_replace(text, std::regex(R"(\s+)"), " ");
  return std::regex_replace(one, std::regex("^ | $"), "");
}

std::string without_comments(const std::string& text) {
  return std::regex_replace(text, std::regex(R"(/\*[^*]*\*+(?:[^/*][^*]*\*+)*/|//[^\n]*)"), " ");
}

void collect(const std::string& text, const std::regex& pattern, const std::string& prefix,
             Declarations& out) {
  for (auto it = std::sregex_iterator(text.begin(), text.end(), pattern);
       it != std::sregex_iterator(); ++it)
    out[prefix + (*it)[1].str()] = even((*it)[2].str());
}

}  // namespace

Declarations declarations_of(const std::string& header_text) {
  const std::string text = without_comments(header_text);
  Declarations out;
  collect(text, std::regex(R"(struct (\w+) \{([^}]*)\})"), "struct ", out);
  collect(text, std::regex(R"(#define (SKEP_\w+)[ \t]+([^\n]+))"), "macro ", out);
  collect(text, std::regex(R"(typedef [^{};]*\(\*(\w+)\)([^;]*);)"), "typedef ", out);
  // Values of a version, which grow, are no promises.
  for (const char* growing : {"macro SKEP_ABI_MINOR", "macro SKEP_EXPORT"}) out.erase(growing);
  std::erase_if(out, [](const auto& d) { return d.first.starts_with("macro SKEP_ASSERT"); });
  return out;
}

std::vector<std::string> broken_promises(const Declarations& released,
                                         const Declarations& current) {
  std::vector<std::string> out;
  for (const auto& [name, body] : released) {
    const auto now = current.find(name);
    const bool may_grow = name.starts_with("struct ");
    if (now == current.end())
      out.push_back(name + " is gone");
    else if (may_grow ? !now->second.starts_with(body) : now->second != body)
      out.push_back(name + " is no longer what was released");
  }
  return out;
}

std::vector<std::string> broken_layouts(std::string_view released_json,
                                        std::string_view current_json) {
  const auto released = parse_json(released_json);
  const auto current = parse_json(current_json);
  if (!released || !current) return {"not JSON"};
  std::vector<std::string> out;
  for (const auto& [name, then] : released->as_object()) {
    const auto* now = current->as_object().if_contains(name);
    if (now == nullptr) {
      out.push_back(std::string(name) + " is gone");
      continue;
    }
    auto at = now->as_object().begin();
    for (const auto& [field, place] : then.as_object()) {
      const bool there = at != now->as_object().end() && at->key() == field;
      const bool same = there && (field == "sizeof" ? at->value().to_number<std::int64_t>() >=
                                                          place.to_number<std::int64_t>()
                                                    : at->value() == place);
      if (!same) out.push_back(std::string(name) + "." + std::string(field) + " has moved");
      if (there) ++at;
    }
  }
  return out;
}

}  // namespace skep::test
