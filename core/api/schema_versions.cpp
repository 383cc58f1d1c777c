// Versions of a schema, and how a document of an older one becomes one of this.
#include <algorithm>
#include <boost/json.hpp>

#include "core/api/members.hpp"
#include "core/api/schema_node.hpp"
#include "core/base/describe.hpp"

namespace skep::api {
namespace {

constexpr std::size_t kMostSteps = 64;
constexpr std::size_t kMostMembersOfAStep = 64;
constexpr std::int64_t kMostVersions = 1'000'000;

Error wrong_step(const std::string& where, const std::string& what) {
  return invalid("schema /x-migrations/" + where + ": " + what).named("schema");
}

bool is_name_list(const json::value& v) {
  return v.is_array() && v.get_array().size() <= kMostMembersOfAStep &&
         std::all_of(v.get_array().begin(), v.get_array().end(),
                     [](const json::value& name) { return name.is_string(); });
}

bool is_renaming(const json::value& v) {
  return v.is_object() && v.get_object().size() <= kMostMembersOfAStep &&
         std::all_of(v.get_object().begin(), v.get_object().end(),
                     [](const auto& member) { return member.value().is_string(); });
}

Result<MigrationStep> read_step(const json::value& v, const std::string& at, std::int64_t version) {
  if (!v.is_object()) return wrong_step(at, "is " + describe(v) + "; expected an object");
  const json::object& o = v.get_object();
  SKEP_TRY(only_known(o, "schema /x-migrations/" + at, {"from", "rename", "drop", "default"}));
  MigrationStep step;
  const json::value* from = o.if_contains("from");
  if (from == nullptr || !from->is_int64() || from->get_int64() < 1 || from->get_int64() >= version)
    return wrong_step(at + "/from", "must be a version before " + std::to_string(version));
  step.from = from->get_int64();
  if (const json::value* rename = o.if_contains("rename")) {
    if (!is_renaming(*rename)) return wrong_step(at + "/rename", "must be {\"OLD\": \"NEW\", ..}");
    for (const auto& [old_name, name] : rename->get_object())
      step.renamed.emplace_back(old_name, name.get_string());
  }
  if (const json::value* drop = o.if_contains("drop")) {
    if (!is_name_list(*drop)) return wrong_step(at + "/drop", "must be [\"NAME\", ..]");
    for (const json::value& name : drop->get_array()) step.dropped.emplace_back(name.get_string());
  }
  if (const json::value* fallback = o.if_contains("default")) {
    if (!fallback->is_object() || fallback->get_object().size() > kMostMembersOfAStep)
      return wrong_step(at + "/default", "must be {\"NAME\": VALUE, ..}");
    step.added = fallback->get_object();
  }
  return step;
}

/// All renamings at once, so that two members can change places.
Status take_step(const MigrationStep& step, json::object& o) {
  std::vector<std::pair<std::string, json::value>> moved;
  for (const auto& [old_name, name] : step.renamed)
    if (auto* value = o.if_contains(old_name)) moved.emplace_back(name, std::move(*value));
  for (const auto& [old_name, name] : step.renamed) o.erase(old_name);
  for (const std::string& name : step.dropped) o.erase(name);
  for (auto& [name, value] : moved)
    if (!o.emplace(name, std::move(value)).second)
      return invalid("version " + std::to_string(step.from) + " has \"" + name +
                     "\" beside what becomes \"" + name + "\"");
  for (const auto& [name, value] : step.added)
    if (!o.contains(name)) o.emplace(name, value);
  return {};
}

}  // namespace

Status read_versions(const json::object& schema, SchemaNode& node) {
  const json::value* version = schema.if_contains("x-version");
  if (version != nullptr) {
    if (!version->is_int64() || version->get_int64() < 1 || version->get_int64() > kMostVersions)
      return invalid("schema /x-version: is " + describe(*version) +
                     "; expected an integer from 1 to " + std::to_string(kMostVersions))
          .named("schema");
    node.version = version->get_int64();
  }
  const json::value* steps = schema.if_contains("x-migrations");
  if (steps == nullptr) return {};
  if (!steps->is_array() || steps->get_array().size() > kMostSteps)
    return wrong_step("", "must be a list of at most " + std::to_string(kMostSteps) + " steps");
  for (const json::value& item : steps->get_array()) {
    const std::string at = std::to_string(node.migrations.size());
    auto step = read_step(item, at, node.version);
    if (!step) return step.error();
    for (const MigrationStep& other : node.migrations)
      if (other.from == step->from)
        return wrong_step(at + "/from", "repeats " + std::to_string(step->from));
    node.migrations.push_back(std::move(*step));
  }
  std::sort(node.migrations.begin(), node.migrations.end(),
            [](const MigrationStep& a, const MigrationStep& b) { return a.from < b.from; });
  return {};
}

std::int64_t Schema::version() const { return root_->version; }

bool Schema::migrates_from(std::int64_t from) const {
  const auto steps = std::count_if(root_->migrations.begin(), root_->migrations.end(),
                                   [&](const MigrationStep& step) { return step.from >= from; });
  return from >= 1 && from < root_->version && steps == root_->version - from;
}

Status Schema::migrate(json::value& document, std::int64_t from) const {
  if (!migrates_from(from) || !document.is_object())
    return Error{Code::kState, "no way from version " + std::to_string(from) + " to version " +
                                   std::to_string(root_->version)};
  json::object fresh = document.get_object();
  for (const MigrationStep& step : root_->migrations)
    if (step.from >= from) SKEP_TRY(take_step(step, fresh));
  document = std::move(fresh);
  return {};
}

}  // namespace skep::api
