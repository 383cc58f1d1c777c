#include "core/cli/base/facts_table.hpp"

#include <fmt/format.h>

#include <initializer_list>

#include "core/base/describe.hpp"
#include "core/cli/base/format.hpp"

namespace skep::cli {
namespace {

/// The value at `path` below `root`, or null.
const json::value* at(const json::object& root, std::initializer_list<std::string_view> path) {
  const json::object* o = &root;
  const json::value* v = nullptr;
  for (const std::string_view key : path) {
    if (o == nullptr) return nullptr;
    v = o->if_contains(key);
    if (v == nullptr) return nullptr;
    o = v->if_object();
  }
  return v;
}

std::string text_at(const json::object& facts, std::initializer_list<std::string_view> path) {
  const json::value* v = at(facts, path);
  if (v == nullptr || v->is_null()) return {};
  return v->is_string() ? std::string(v->get_string()) : plain_text(*v);
}

std::optional<double> number_at(const json::object& facts,
                                std::initializer_list<std::string_view> path) {
  const json::value* v = at(facts, path);
  if (v == nullptr || !v->is_number()) return std::nullopt;
  return v->to_number<double>();
}

std::string used_of(std::optional<double> total, std::optional<double> percent) {
  if (!total) return "-";
  const std::string all = human_bytes(static_cast<std::int64_t>(*total));
  return percent ? fmt::format("{} {:.0f}%", all, *percent) : all;
}

std::string memory_of(const json::object& facts) {
  const auto total = number_at(facts, {"memory", "total_bytes"});
  const auto available = number_at(facts, {"memory", "available_bytes"});
  if (!total || !available || *total <= 0) return used_of(total, std::nullopt);
  return used_of(total, 100 * (1 - *available / *total));
}

std::string os_of(const json::object& facts) {
  const std::string pretty = text_at(facts, {"os", "pretty_name"});
  return or_dash(pretty.empty() ? text_at(facts, {"os", "name"}) : pretty);
}

const json::object* root_mount(const json::object& facts) {
  const json::value* mounts = at(facts, {"mounts", "mounts"});
  if (mounts == nullptr || !mounts->is_array()) return nullptr;
  for (const json::value& m : mounts->get_array())
    if (m.is_object() && get_string(m.get_object(), "point") == "/") return &m.get_object();
  return nullptr;
}

std::string disk_of(const json::object& facts) {
  const json::object* root = root_mount(facts);
  if (root == nullptr) return "-";
  return used_of(number_at(*root, {"total_bytes"}), number_at(*root, {"used_percent"}));
}

const json::object& facts_of(const json::object& task) {
  static const json::object empty;
  const json::value* facts = at(task, {"result", "facts"});
  return facts != nullptr && facts->is_object() ? facts->get_object() : empty;
}

std::vector<Cell> row_of(const json::object& task) {
  const json::object& f = facts_of(task);
  const auto load = number_at(f, {"load", "one_minute"});
  return {or_dash(get_string(task, "site")),
          os_of(f),
          or_dash(text_at(f, {"kernel", "release"})),
          or_dash(text_at(f, {"cpu", "logical_count"})),
          memory_of(f),
          disk_of(f),
          load ? fmt::format("{:.2f}", *load) : "-",
          or_dash(text_at(task, {"result", "fact_count"})),
          std::to_string(get_int(task, "duration_ms"))};
}

}  // namespace

bool has_facts(const json::value& result) {
  const json::object* o = result.if_object();
  return o != nullptr && o->contains("fact_count") && at(*o, {"facts"}) != nullptr;
}

void print_facts_table(const Console& c, const std::vector<json::value>& tasks) {
  Table table({{"SITE", Fit::kCut},
               {"OS", Fit::kCut},
               {"KERNEL", Fit::kCut},
               "CPUS",
               "MEMORY",
               "DISK /",
               "LOAD",
               "FACTS",
               "MS"});
  for (const json::value& task : tasks)
    if (task.is_object()) table.row(row_of(task.get_object()));
  table.print(c);
}

}  // namespace skep::cli
