#include "core/control/tasks/task_types.hpp"

#include <boost/json.hpp>

#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"

namespace skep::control {

TaskTypes::Entry TaskTypes::compile(const ports::TaskType& type) {
  Entry entry{type, nullptr};
  if (auto schema = api::Schema::compile(type.params_schema))
    entry.schema = std::make_shared<api::Schema>(std::move(*schema));
  else
    log::warn("task_type_schema_unusable",
              {{"type", type.name}, {"error", schema.error().message}});
  return entry;
}

void TaskTypes::set_own(const std::vector<ports::TaskType>& types) {
  Entries own;
  for (const auto& type : types) own.insert_or_assign(type.name, compile(type));
  const MutexLock lock(mutex_);
  own_ = std::move(own);
}

void TaskTypes::learn(const std::vector<ports::TaskType>& types) {
  for (const auto& type : types) {
    {
      const MutexLock lock(mutex_);
      const auto known = learned_.find(type.name);
      if (known != learned_.end() && known->second.type == type) continue;
    }
    Entry entry = compile(type);
    const MutexLock lock(mutex_);
    learned_.insert_or_assign(type.name, std::move(entry));
  }
}

void TaskTypes::forget(std::string_view name) {
  const MutexLock lock(mutex_);
  if (const auto known = learned_.find(name); known != learned_.end()) learned_.erase(known);
}

const TaskTypes::Entry* TaskTypes::find(std::string_view name) const {
  for (const Entries* entries : {&learned_, &own_})
    if (const auto at = entries->find(name); at != entries->end()) return &at->second;
  return nullptr;
}

TaskTypes::Entries TaskTypes::all() const {
  Entries out = learned_;
  out.insert(own_.begin(), own_.end());
  return out;
}

Status TaskTypes::check(model::TaskSpec& spec, std::string_view what, std::string& problems) const {
  Entry entry;
  {
    const MutexLock lock(mutex_);
    const Entry* found = find(spec.type);
    if (found == nullptr) {
      std::vector<std::string> names;
      for (const auto& [name, unused] : all()) names.push_back(name);
      return invalid(std::string(what) + ": unknown task type \"" + spec.type + "\"; " +
                     suggestion(spec.type, names))
          .named("unknown-task-type")
          .with_next("skep task types");
    }
    entry = *found;
  }
  if (spec.timeout_ms == 0) spec.timeout_ms = entry.type.default_timeout_ms;
  if (entry.schema == nullptr) return {};
  auto params = parse_json(spec.params);
  if (!params) return params.error().within(what);
  if (const auto found = entry.schema->apply(*params); !found.empty()) {
    problems = api::problems_json(found);
    return api::schema_error(std::string(what) + ": params of " + spec.type, found)
        .with_next("skep task types " + spec.type);
  }
  spec.params = to_text(*params);
  return {};
}

std::vector<ports::TaskType> TaskTypes::types() const {
  const MutexLock lock(mutex_);
  std::vector<ports::TaskType> out;
  for (const auto& [name, entry] : all()) out.push_back(entry.type);
  return out;
}

}  // namespace skep::control
