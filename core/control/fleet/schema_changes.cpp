#include "core/control/fleet/schema_changes.hpp"

#include <algorithm>

#include "core/api/schema.hpp"

namespace skep::control {
namespace {

constexpr std::size_t kMostLines = 50;

/// What a type takes now, somewhere.
struct Taken {
  std::string type;
  std::string version;
  std::string schema;
};

/// By releases that are in force at sites of `r`, newest first; none below one that covers all.
void add_released(const Release& r, const std::vector<Release>& releases, std::vector<Taken>& to) {
  for (auto old = releases.rbegin(); old != releases.rend(); ++old) {
    if (old->name != r.name || old->arch != r.arch || !old->in_force() || !old->meets(r)) continue;
    for (const auto& [type, schema] : old->schemas)
      if (r.brings(type)) to.push_back({type, old->version, schema});
    if (old->state == ReleaseState::kActive && old->covers_all_of(r)) return;
  }
}

void add_running(const Release& r, const std::vector<WorkerRecord>& workers,
                 std::vector<Taken>& to) {
  const auto is_known = [&](const ports::TaskType& type) {
    return std::any_of(to.begin(), to.end(), [&](const Taken& t) {
      return t.type == type.name && t.schema == type.params_schema;
    });
  };
  for (const WorkerRecord& w : workers) {
    if (!r.covers(w.profile.site) || (r.arch != "any" && r.arch != w.about.arch)) continue;
    for (const ports::TaskType& type : w.about.types)
      if (r.brings(type.name) && !is_known(type))
        to.push_back({type.name, type.version, type.params_schema});
  }
}

}  // namespace

std::vector<std::string> schema_changes(const Release& r, const std::vector<Release>& releases,
                                        const std::vector<WorkerRecord>& workers) {
  std::vector<Taken> all;
  add_released(r, releases, all);
  add_running(r, workers, all);
  std::vector<std::string> out;
  for (const Taken& taken : all) {
    const auto said = r.schemas.find(taken.type);
    if (said == r.schemas.end()) continue;
    const auto former = api::Schema::compile(taken.schema);
    const auto now = api::Schema::compile(said->second);
    if (!former || !now) continue;
    for (const auto& change : now->changes_since(*former)) {
      std::string line = taken.type + " " + taken.version + " -> " + r.version + ": " +
                         (change.pointer.empty() ? "it" : change.pointer) + " " + change.message;
      const bool is_new = std::find(out.begin(), out.end(), line) == out.end();
      if (is_new && out.size() < kMostLines) out.push_back(std::move(line));
    }
  }
  return out;
}

}  // namespace skep::control
