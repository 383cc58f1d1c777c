#include "core/control/fleet/schema_changes.hpp"

#include <map>
#include <utility>

#include "core/api/schema.hpp"

namespace skep::control {
namespace {

constexpr std::size_t kMostLines = 50;

/// What its workers run of the types of `r`: versions by type and schema.
std::map<std::pair<std::string, std::string>, std::string> in_force(
    const Release& r, const std::vector<WorkerRecord>& workers) {
  std::map<std::pair<std::string, std::string>, std::string> out;
  for (const WorkerRecord& w : workers) {
    if (!r.covers(w.profile.site) || (r.arch != "any" && r.arch != w.about.arch)) continue;
    for (const ports::TaskType& type : api::types_and_withheld(w.about))
      if (r.brings(type.name)) out[{type.name, type.params_schema}] = type.version;
  }
  return out;
}

}  // namespace

std::vector<std::string> schema_changes(const api::Publication& p, const Release& r,
                                        const std::vector<WorkerRecord>& workers) {
  std::vector<std::string> out;
  for (const auto& [type, version] : in_force(r, workers)) {
    const auto& [name, former_text] = type;
    const auto said = p.schemas.find(name);
    if (said == p.schemas.end()) continue;
    const auto former = api::Schema::compile(former_text);
    const auto now = api::Schema::compile(said->second);
    if (!former || !now) continue;
    for (const auto& change : now->changes_since(*former))
      if (out.size() < kMostLines)
        out.push_back(name + " " + version + " -> " + r.version + ": " +
                      (change.pointer.empty() ? "it" : change.pointer) + " " + change.message);
  }
  return out;
}

}  // namespace skep::control
