// Parameters of a task that its type's versions say more of than whether they take them.
#include <algorithm>
#include <boost/json.hpp>

#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/control/tasks/task_types.hpp"
#include "core/model/placement.hpp"

namespace skep::control {

std::optional<std::string> TaskTypes::migrated(const model::TaskSpec& spec,
                                               const std::vector<ports::TaskType>& types) const {
  const auto type =
      std::find_if(types.begin(), types.end(), [&](const auto& t) { return t.name == spec.type; });
  const auto known = snapshot();
  const TypeVersion* version = type == types.end() ? nullptr : find(*known, *type);
  if (version == nullptr || version->schema->version() == 1) return std::nullopt;
  const auto ids = model::accepting_schemas(spec);
  std::int64_t from = 0;
  for (const TypeVersion& v : known->at(spec.type)->all()) {
    if (std::find(ids.begin(), ids.end(), v.schema_id) == ids.end()) continue;
    if (v.schema->version() >= version->schema->version()) return std::nullopt;
    if (version->schema->migrates_from(v.schema->version()))
      from = std::max(from, v.schema->version());
  }
  if (from == 0) return std::nullopt;
  auto params = parse_json(spec.params);
  if (!params) return std::nullopt;
  if (const Status done = version->schema->migrate(*params, from); !done) {
    log::warn("task_params_not_migrated",
              {{"type", spec.type}, {"version", type->version}, {"error", done.error().message}});
    return std::nullopt;
  }
  return to_text(*params);
}

model::Task TaskTypes::shown(model::Task task) const {
  const auto types = snapshot();
  const auto at = types->find(task.spec.type);
  if (at == types->end()) return task;
  for (const TypeVersion& version : at->second->all()) {
    if (!version.schema->has_secrets()) continue;
    auto params = parse_json(task.spec.params);
    if (!params) return task;
    version.schema->hide_secrets(*params);
    task.spec.params = to_text(*params);
  }
  return task;
}

}  // namespace skep::control
