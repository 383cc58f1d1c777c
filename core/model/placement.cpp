#include "core/model/placement.hpp"

#include <algorithm>

namespace skep::model {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace

std::optional<std::string> why_not(const TaskSpec& spec, const WorkerProfile& worker) {
  if (!spec.target_worker.empty() && spec.target_worker != worker.id)
    return "the task is for worker " + spec.target_worker;
  if (!spec.site.empty() && spec.site != worker.site)
    return "site is " + worker.site + ", the task wants " + spec.site;
  for (const std::string& need : spec.requirements)
    if (!contains(worker.capabilities, need)) return "lacks capability " + need;
  if (!contains(worker.types, spec.type)) return "has no plugin for type " + spec.type;
  return std::nullopt;
}

}  // namespace skep::model
