#include "core/plugin/isolation/limits.hpp"

#include <array>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/base/describe.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"

namespace skep::plugin {
namespace {

struct Key {
  std::string_view name;
  std::int64_t least;
  std::int64_t most;
  void (*set)(ChildLimits&, std::int64_t);
};

constexpr std::int64_t kMaxMb = 1 << 20;
constexpr std::int64_t kHour = 3'600'000;

constexpr std::array<Key, 8> kKeys{
    Key{"memory_mb", 0, kMaxMb, [](ChildLimits& l, std::int64_t v) { l.memory_mb = v; }},
    Key{"open_files", 32, 1 << 20, [](ChildLimits& l, std::int64_t v) { l.open_files = v; }},
    Key{"output_mb", 1, kMaxMb, [](ChildLimits& l, std::int64_t v) { l.output_mb = v; }},
    Key{"start_timeout_ms", 10, kHour,
        [](ChildLimits& l, std::int64_t v) { l.start_timeout = Millis(v); }},
    Key{"cancel_grace_ms", 0, kHour,
        [](ChildLimits& l, std::int64_t v) { l.cancel_grace = Millis(v); }},
    Key{"idle_timeout_ms", 0, 24 * kHour,
        [](ChildLimits& l, std::int64_t v) { l.idle_timeout = Millis(v); }},
    Key{"max_tasks", 0, 1 << 30, [](ChildLimits& l, std::int64_t v) { l.max_tasks = v; }},
    Key{"recycle_mb", 0, kMaxMb, [](ChildLimits& l, std::int64_t v) { l.recycle_mb = v; }}};

const Key* find_key(std::string_view name) {
  for (const Key& key : kKeys)
    if (key.name == name) return &key;
  return nullptr;
}

Error unknown_key(std::string_view name) {
  std::vector<std::string> known;
  for (const Key& key : kKeys) known.emplace_back(key.name);
  return config_error("limits: unknown key \"" + std::string(name) + "\"; " +
                      suggestion(name, known));
}

Status set(const Key& key, const json::value& value, ChildLimits& limits) {
  if (value.is_int64() && value.get_int64() >= key.least && value.get_int64() <= key.most) {
    key.set(limits, value.get_int64());
    return {};
  }
  return config_error("limits." + std::string(key.name) + " is " + plain_text(value) +
                      "; an integer from " + std::to_string(key.least) + " to " +
                      std::to_string(key.most) + " is needed");
}

}  // namespace

Result<ChildLimits> parse_limits(std::string_view table_json, ChildLimits defaults) {
  const auto table = parse_json(table_json);
  if (!table) return table.error().within("limits");
  if (!table->is_object()) return config_error("limits: must be a table");
  for (const auto& [name, value] : table->get_object()) {
    const Key* key = find_key(name);
    if (key == nullptr) return unknown_key(name);
    SKEP_TRY(set(*key, value, defaults));
  }
  return defaults;
}

}  // namespace skep::plugin
