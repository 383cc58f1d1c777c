#include "core/cli/base/command.hpp"

#include <charconv>
#include <cmath>

#include "core/base/text.hpp"

namespace skep::cli {

const std::vector<Option>& global_options() {
  static const std::vector<Option> options{
      {"server",
       0,
       "URL",
       "control plane to talk to (http://127.0.0.1:9595)",
       false,
       {},
       "SKEP_SERVER"},
      {"config",
       'c',
       "FILE",
       "the node's TOML file; it names its control plane too",
       false,
       {},
       "SKEP_CONFIG"},
      {"token-file", 0, "FILE", "file that holds the bearer token", false, {}, "SKEP_TOKEN_FILE"},
      {"output",
       'o',
       "FORMAT",
       "table, wide, json, jsonl or name",
       false,
       {"table", "wide", "json", "jsonl", "name"}},
      {"color",
       0,
       "WHEN",
       "auto, always or never; auto heeds NO_COLOR",
       false,
       {"auto", "always", "never"}},
      {"quiet", 'q', "", "no messages on stderr but errors"},
      {"timeout", 0, "SECONDS", "longest wait for one answer of the control plane (30)"},
      {"help", 'h', "", "help of a command"},
  };
  return options;
}

void Args::add_from_environment(const std::string& name, std::string value) {
  add(name, std::move(value));
  from_environment_.insert(name);
}

bool Args::is_typed(const std::string& name) const {
  return has(name) && !from_environment_.contains(name);
}

std::string Args::get(const std::string& name, std::string_view fallback) const {
  const auto it = values_.find(name);
  return it == values_.end() ? std::string(fallback) : it->second.back();
}

std::vector<std::string> Args::all(const std::string& name) const {
  const auto it = values_.find(name);
  return it == values_.end() ? std::vector<std::string>{} : it->second;
}

Result<double> Args::number(const std::string& name, double fallback, double least) const {
  if (!has(name)) return fallback;
  const std::string text = get(name);
  double value = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), value);
  if (r.ec != std::errc() || r.ptr != text.data() + text.size() || !std::isfinite(value) ||
      value < least)
    return usage_error("--" + name + " \"" + text + "\" is not a number of at least " +
                       std::to_string(static_cast<long>(least)));
  return value;
}

Result<std::int64_t> Args::integer(const std::string& name, std::int64_t fallback,
                                   std::int64_t least) const {
  if (!has(name)) return fallback;
  const auto value = to_int(get(name));
  if (!value || *value < least)
    return usage_error("--" + name + " \"" + get(name) + "\" is not a whole number of at least " +
                       std::to_string(least));
  return *value;
}

}  // namespace skep::cli
