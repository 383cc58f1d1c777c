#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>

#include "core/base/describe.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/config/layers.hpp"

namespace skep::config {
namespace {

/// Read by the command line, not here.
constexpr std::array<std::string_view, 5> kOfTheClient{"SKEP_CONFIG", "SKEP_SERVER", "SKEP_HINTS",
                                                       "SKEP_TOKEN_FILE", "SKEP_KEY_PASSWORD_FILE"};
/// Read by the script ./dev.
constexpr std::array<std::string_view, 4> kOfDev{"SKEP_NO_INSTALL", "SKEP_UNITY", "SKEP_CMAKE_ARGS",
                                                 "SKEP_TIDY_BASE"};
/// Names of the runbooks that other parts read.
constexpr std::array<std::string_view, 2> kOfDelegation{"WORKER_DELEGATION_ENABLED",
                                                        "WORKER_DEFAULT_ID"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

json::value text_value(std::string_view s) { return json::value(json::string(s)); }

json::value number_from(std::string_view text) {
  double number = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), number);
  if (r.ec != std::errc() || r.ptr != text.data() + text.size()) return text_value(text);
  return json::value(number);
}

json::value list_from(std::string_view text) {
  if (text.starts_with('[')) {
    if (auto parsed = parse_json(text)) return std::move(*parsed);
  }
  json::array out;
  for (const std::string& part : split(text, ','))
    if (const auto item = trim(part); !item.empty()) out.push_back(text_value(item));
  return out;
}

json::value json_or_text(std::string_view text) {
  auto parsed = parse_json(text);
  return parsed ? std::move(*parsed) : text_value(text);
}

struct TextReader {
  std::string_view text;
  json::value operator()(std::string* (*)(Config&)) const { return text_value(text); }
  json::value operator()(bool* (*)(Config&)) const { return json_or_text(text); }
  json::value operator()(int* (*)(Config&)) const {
    const auto number = to_int(text);
    return number ? json::value(*number) : text_value(text);
  }
  json::value operator()(double* (*)(Config&)) const { return number_from(text); }
  json::value operator()(std::vector<std::string>* (*)(Config&)) const { return list_from(text); }
  json::value operator()(std::map<std::string, bool>* (*)(Config&)) const {
    return json_or_text(text);
  }
  json::value operator()(std::map<std::string, std::vector<std::string>>* (*)(Config&)) const {
    return json_or_text(text);
  }
  json::value operator()(std::pair<ComponentTable*, std::string_view> (*)(Config&)) const {
    return text_value(text);
  }
};

class EnvironmentReader {
 public:
  EnvironmentReader(const std::map<std::string, std::string>& environment,
                    std::vector<Problem>& problems)
      : environment_(environment), problems_(problems) {}

  std::vector<Entry> read() {
    for (const Key& key : keys()) read_key(key);
    for (const ComponentSection& at : component_sections()) read_component(at.name);
    return std::move(entries_);
  }

 private:
  void read_key(const Key& key) {
    std::vector<std::string> names{key.environment()};
    names.insert(names.end(), key.aliases.begin(), key.aliases.end());
    const Entry* first = nullptr;
    for (const std::string& name : names) {
      const auto found = environment_.find(name);
      if (found == environment_.end() || found->second.empty()) continue;
      Entry entry = make(std::string(key.section), std::string(key.name), name,
                         from_text(key, found->second));
      if (first == nullptr)
        first = &entries_.emplace_back(std::move(entry));
      else if (first->value != entry.value)
        report_conflict(key, *first, entry);
    }
  }

  void report_conflict(const Key& key, const Entry& first, const Entry& second) {
    problems_.push_back({second.origin, "is " + describe(second.value) + " but " +
                                            first.origin.name + " is " + describe(first.value) +
                                            "; both set " + key.path() + ", keep one of them"});
  }

  /// SKEP_QUEUE_URL is the member "url" of [queue], unless the table of keys knows it.
  void read_component(std::string_view section) {
    const std::string prefix = environment_name(section, "");
    for (auto it = environment_.lower_bound(prefix);
         it != environment_.end() && it->first.starts_with(prefix); ++it) {
      std::string name = it->first.substr(prefix.size());
      for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      if (name.empty() || it->second.empty() || find_key(section, name) != nullptr) continue;
      entries_.push_back(make(std::string(section), name, it->first, from_text(it->second)));
    }
  }

  static Entry make(std::string section, std::string key, std::string variable, json::value value) {
    return {std::move(section), std::move(key), std::move(value),
            Origin{Layer::kEnvironment, {}, 0, 0, std::move(variable)}};
  }

  const std::map<std::string, std::string>& environment_;
  std::vector<Problem>& problems_;
  std::vector<Entry> entries_;
};

std::vector<std::string> known_names() {
  std::vector<std::string> out(kOfTheClient.begin(), kOfTheClient.end());
  for (const Key& key : keys()) {
    out.push_back(key.environment());
    out.insert(out.end(), key.aliases.begin(), key.aliases.end());
  }
  return out;
}

bool is_of_component(std::string_view name) {
  return std::any_of(
      component_sections().begin(), component_sections().end(),
      [&](const ComponentSection& at) { return name.starts_with(environment_name(at.name, "")); });
}

/// Only a near miss of a WORKER_ name is worth a word: other programs use that prefix too.
std::string why_unknown(const std::string& name, const std::vector<std::string>& known) {
  if (is_of_dev(name) || std::find(known.begin(), known.end(), name) != known.end()) return {};
  const std::string near = nearest(name, known);
  const std::string hint = near.empty() ? "see `skep config show --origin` for those that are"
                                        : "did you mean " + near + "?";
  if (name.starts_with("SKEP_") && !is_of_component(name))
    return name + " is not a known variable; " + hint;
  if (name.starts_with("WORKER_") && !near.empty() && !contains(kOfDelegation, name))
    return name + " is not a known variable; " + hint;
  return {};
}

}  // namespace

bool is_of_dev(std::string_view variable) { return contains(kOfDev, variable); }

json::value from_text(const Key& key, std::string_view text) {
  return std::visit(TextReader{trim(text)}, key.field);
}

json::value from_text(std::string_view text) { return json_or_text(text); }

std::vector<Entry> read_environment(const std::map<std::string, std::string>& environment,
                                    std::vector<Problem>& problems,
                                    std::vector<std::string>& warnings) {
  const std::vector<std::string> known = known_names();
  for (const auto& [name, value] : environment)
    if (std::string why = why_unknown(name, known); !why.empty() && !value.empty())
      warnings.push_back(std::move(why));
  return EnvironmentReader(environment, problems).read();
}

}  // namespace skep::config
