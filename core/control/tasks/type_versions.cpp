#include "core/control/tasks/type_versions.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/model/placement.hpp"

namespace skep::control {
namespace {

constexpr std::size_t kIdDigits = 12;

/// The same schema has one text, whoever wrote it.
std::string plain_text(const std::string& schema) {
  const auto parsed = parse_json(schema);
  return parsed ? to_text(*parsed) : schema;
}

std::string id_of_text(std::string_view schema) { return sha256_hex(schema).substr(0, kIdDigits); }

}  // namespace

std::string TypeVersion::id_of(const ports::TaskType& type) {
  return id_of_text(plain_text(type.params_schema));
}

TypeVersion TypeVersion::of(const ports::TaskType& type) {
  TypeVersion out;
  out.type = type;
  out.type.params_schema = plain_text(type.params_schema);
  out.schema_id = id_of_text(out.type.params_schema);
  auto schema = api::Schema::compile(out.type.params_schema);
  if (!schema) {
    log::warn("task_type_schema_unusable",
              {{"type", type.name}, {"error", schema.error().message}});
    schema = api::Schema::compile("{}");
  }
  out.schema = std::make_shared<api::Schema>(std::move(*schema));
  return out;
}

void TypeVersions::add(TypeVersion version) {
  if (const TypeVersion* known = find(version.schema_id)) {
    version.on_workers |= known->on_workers;
    version.own |= known->own;
    erase(index_of(*known));
  }
  std::vector<bool> covers;
  for (std::size_t v = 0; v < versions_.size(); ++v) {
    covers.push_back(version.schema->changes_since(*versions_[v].schema).empty());
    covers_[v].push_back(versions_[v].schema->changes_since(*version.schema).empty());
  }
  covers.push_back(true);
  covers_.push_back(std::move(covers));
  versions_.push_back(std::move(version));
  list_capabilities();
}

std::vector<std::string> TypeVersions::idle() const {
  std::vector<std::string> out;
  for (const TypeVersion& v : versions_)
    if (!v.on_workers && !v.own) out.push_back(v.schema_id);
  return out;
}

void TypeVersions::forget(std::string_view schema_id) {
  const TypeVersion* known = find(schema_id);
  if (known == nullptr) return;
  erase(index_of(*known));
  list_capabilities();
}

void TypeVersions::erase(std::size_t version) {
  const auto at = static_cast<std::ptrdiff_t>(version);
  versions_.erase(versions_.begin() + at);
  covers_.erase(covers_.begin() + at);
  for (std::vector<bool>& row : covers_) row.erase(row.begin() + at);
}

TypeVersion* TypeVersions::find(std::string_view schema_id) {
  const auto at = std::find_if(versions_.begin(), versions_.end(),
                               [&](const auto& v) { return v.schema_id == schema_id; });
  return at == versions_.end() ? nullptr : &*at;
}

const TypeVersion* TypeVersions::find_text(std::string_view params_schema) const {
  const auto at = std::find_if(versions_.begin(), versions_.end(), [&](const auto& v) {
    return v.type.params_schema == params_schema;
  });
  return at == versions_.end() ? nullptr : &*at;
}

std::vector<const TypeVersion*> TypeVersions::in_use() const {
  std::vector<const TypeVersion*> out;
  const bool there = runs_somewhere();
  for (auto v = versions_.rbegin(); v != versions_.rend(); ++v)
    if (there ? v->on_workers : v->own) out.push_back(&*v);
  return out;
}

bool TypeVersions::runs_somewhere() const {
  return std::any_of(versions_.begin(), versions_.end(),
                     [](const auto& v) { return v.on_workers; });
}

std::size_t TypeVersions::index_of(const TypeVersion& version) const {
  return static_cast<std::size_t>(&version - versions_.data());
}

/// Takes no more than any other of the set; of equal ones it is the first.
bool TypeVersions::is_minimal(const std::vector<std::size_t>& set, std::size_t version) const {
  return std::none_of(set.begin(), set.end(), [&](std::size_t other) {
    return other != version && covers_[version][other] &&
           (!covers_[other][version] || versions_[other].schema_id < versions_[version].schema_id);
  });
}

std::string TypeVersions::requirement(const std::vector<const TypeVersion*>& accepting) const {
  std::vector<std::size_t> set;
  for (const TypeVersion* v : accepting) set.push_back(index_of(*v));
  std::vector<std::size_t> least;
  for (const std::size_t v : set)
    if (is_minimal(set, v)) least.push_back(v);
  std::vector<std::string> ids;
  for (const std::size_t v : least) ids.push_back(versions_[v].schema_id);
  return model::acceptance(std::move(ids));
}

const std::vector<std::string>& TypeVersions::capabilities_of(const TypeVersion& version) const {
  return capabilities_[index_of(version)];
}

void TypeVersions::list_capabilities() {
  capabilities_.assign(versions_.size(), {});
  for (std::size_t v = 0; v < versions_.size(); ++v)
    for (std::size_t covered = 0; covered < versions_.size(); ++covered)
      if (covers_[v][covered] ||
          versions_[v].schema->migrates_from(versions_[covered].schema->version()))
        capabilities_[v].push_back(model::acceptance({versions_[covered].schema_id}));
}

}  // namespace skep::control
