#include "core/model/placement.hpp"

#include <algorithm>
#include <iterator>

#include "core/base/text.hpp"

namespace skep::model {
namespace {

constexpr std::string_view kAcceptance = "params:";
constexpr char kOr = '|';

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool offers(const WorkerProfile& worker, std::string_view requirement) {
  for (;;) {
    const auto end = requirement.find(kOr);
    if (contains(worker.capabilities, requirement.substr(0, end))) return true;
    if (end == std::string_view::npos) return false;
    requirement.remove_prefix(end + 1);
  }
}

}  // namespace

std::string acceptance(std::vector<std::string> schema_ids) {
  std::sort(schema_ids.begin(), schema_ids.end());
  for (std::string& id : schema_ids) id.insert(0, kAcceptance);
  return join(schema_ids, std::string(1, kOr));
}

bool is_acceptance(std::string_view requirement) { return requirement.starts_with(kAcceptance); }

std::vector<std::string> accepting_schemas(const TaskSpec& spec) {
  std::vector<std::string> ids;
  for (const std::string& need : spec.requirements)
    if (is_acceptance(need))
      for (const std::string& name : split(need, kOr))
        if (is_acceptance(name)) ids.push_back(name.substr(kAcceptance.size()));
  return ids;
}

bool adopt_acceptance(TaskSpec& spec, const TaskSpec& known) {
  std::vector<std::string> needs = spec.requirements;
  std::erase_if(needs, is_acceptance);
  std::copy_if(known.requirements.begin(), known.requirements.end(), std::back_inserter(needs),
               is_acceptance);
  std::sort(needs.begin(), needs.end());
  if (needs == spec.requirements) return false;
  spec.requirements = std::move(needs);
  return true;
}

std::optional<std::string> why_not(const TaskSpec& spec, const WorkerProfile& worker) {
  if (!spec.target_worker.empty() && spec.target_worker != worker.id)
    return "the task is for worker " + spec.target_worker;
  if (!spec.site.empty() && spec.site != worker.site)
    return "site is " + worker.site + ", the task wants " + spec.site;
  for (const std::string& need : spec.requirements)
    if (!is_acceptance(need) && !offers(worker, need)) return "lacks capability " + need;
  if (!contains(worker.types, spec.type)) return "has no plugin for type " + spec.type;
  for (const std::string& need : spec.requirements)
    if (is_acceptance(need) && !offers(worker, need))
      return "its version of " + spec.type + " does not take such params";
  return std::nullopt;
}

}  // namespace skep::model
