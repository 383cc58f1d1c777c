#include "core/model/placement.hpp"

#include <algorithm>
#include <iterator>

#include "core/base/text.hpp"

namespace skep::model {
namespace {

constexpr std::string_view kAcceptance = "params:";
constexpr char kOr = '|';

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace

std::string acceptance(std::vector<std::string> schema_ids) {
  std::sort(schema_ids.begin(), schema_ids.end());
  return std::string(kAcceptance) + join(schema_ids, std::string(1, kOr));
}

bool is_acceptance(std::string_view requirement) { return requirement.starts_with(kAcceptance); }

std::vector<std::string> accepting_schemas(const TaskSpec& spec) {
  for (const std::string& need : spec.requirements)
    if (is_acceptance(need)) return split(std::string_view(need).substr(kAcceptance.size()), kOr);
  return {};
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
    if (!is_acceptance(need) && !contains(worker.capabilities, need))
      return "lacks capability " + need;
  if (!contains(worker.types, spec.type)) return "has no plugin for type " + spec.type;
  for (const std::string& need : spec.requirements)
    if (is_acceptance(need) && !contains(worker.capabilities, need))
      return "its version of " + spec.type + " does not take such params";
  return std::nullopt;
}

}  // namespace skep::model
