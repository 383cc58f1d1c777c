#include "core/cli/base/command.hpp"

#include <cmath>

#include "core/base/duration.hpp"
#include "core/base/text.hpp"

namespace skep::cli {
namespace {

constexpr double kLongestTime = 10 * 365.0 * 86'400;

}  // namespace

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
      {"timeout", 0, "TIME",
       "longest wait for one answer of the control plane (30s), and for one that went away while a "
       "command waits (60s)"},
      {"help", 'h', "", "help of a command"},
  };
  return options;
}

std::vector<Option> global_options_of(const Command& command) {
  std::vector<Option> out = global_options();
  for (const Option& own : command.options)
    std::erase_if(out, [&](const Option& o) { return o.long_name == own.long_name; });
  return out;
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

std::string Args::spelled(const std::string& name) const {
  const auto it = spelled_.find(name);
  return "--" + (it == spelled_.end() ? name : it->second);
}

Result<Millis> Args::duration(const std::string& name, Millis fallback) const {
  if (!has(name)) return fallback;
  const auto seconds = parse_duration(get(name));
  if (!seconds || *seconds > kLongestTime)
    return usage_error(spelled(name) + " \"" + get(name) + "\" is no length of time; expected " +
                       std::string(kDurationForms));
  return Millis{static_cast<std::int64_t>(std::llround(*seconds * 1'000))};
}

Result<std::int64_t> Args::integer(const std::string& name, std::int64_t fallback,
                                   std::int64_t least) const {
  if (!has(name)) return fallback;
  const auto value = to_int(get(name));
  if (!value || *value < least)
    return usage_error(spelled(name) + " \"" + get(name) + "\" is not a whole number of at least " +
                       std::to_string(least));
  return *value;
}

}  // namespace skep::cli
