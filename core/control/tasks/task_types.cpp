#include "core/control/tasks/task_types.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/model/placement.hpp"

namespace skep::control {
namespace {

/// A version that was asked, and what speaks against it.
struct Answer {
  const TypeVersion* version = nullptr;
  std::vector<api::SchemaProblem> problems;
};

std::vector<Answer> ask(const std::vector<const TypeVersion*>& versions,
                        const json::value& params) {
  std::vector<Answer> out;
  for (const TypeVersion* version : versions) {
    json::value copy = params;
    out.push_back({version, version->schema->apply(copy)});
  }
  return out;
}

/// Nobody takes the parameters: against the nearest version the least can be said.
Error refusal(const std::vector<Answer>& answers, std::string_view what, const std::string& type,
              std::string& problems) {
  const auto nearest = std::min_element(
      answers.begin(), answers.end(),
      [](const auto& a, const auto& b) { return a.problems.size() < b.problems.size(); });
  problems = api::problems_json(nearest->problems);
  const std::string subject = std::string(what) + ": params of " + type;
  Error error = api::schema_error(
      answers.size() == 1 ? subject : subject + " " + nearest->version->type.version,
      nearest->problems);
  std::vector<std::string> others;
  for (const Answer& a : answers)
    if (&a != &*nearest)
      others.push_back(api::schema_error(a.version->type.version, a.problems).message);
  if (!others.empty()) error.message += "; other versions on workers: " + join(others, "; ");
  return std::move(error).with_next("skep task types " + type);
}

ports::Statement insertion(const TypeVersion& v, WallMs now) {
  return {
      "INSERT INTO task_type_versions (type, schema_id, version, description, params_schema, "
      "timeout_ms, learned_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (type, schema_id) "
      "DO UPDATE SET version = $3, description = $4, timeout_ms = $6, learned_ms = $7",
      {v.type.name, v.schema_id, v.type.version, v.type.description, v.type.params_schema,
       v.type.default_timeout_ms, now}};
}

ports::Statement removal(const std::string& type, const std::string& schema_id) {
  return {"DELETE FROM task_type_versions WHERE type = $1 AND schema_id = $2", {type, schema_id}};
}

void warn_of_left_out(const ports::TaskType& type, std::size_t versions) {
  log::warn("task_type_version_left_out",
            {{"type", type.name},
             {"versions", versions},
             {"effect", "workers with yet another parameter schema get no tasks of it"},
             {"next", "skep task types " + type.name + "; end the workers of old versions"}});
}

}  // namespace

std::vector<std::string> TaskTypes::migrations() {
  return {
      "CREATE TABLE task_type_versions (type TEXT NOT NULL, schema_id TEXT NOT NULL, version TEXT "
      "NOT NULL, description TEXT NOT NULL, params_schema TEXT NOT NULL, timeout_ms BIGINT NOT "
      "NULL, learned_ms BIGINT NOT NULL, PRIMARY KEY (type, schema_id))"};
}

TaskTypes::TaskTypes(Platform& platform, const Workers& workers,
                     const std::vector<ports::TaskType>& own)
    : platform_(platform), workers_(workers) {
  set_own(own);
}

std::shared_ptr<const TaskTypes::Types> TaskTypes::snapshot() const {
  const MutexLock lock(mutex_);
  return types_;
}

void TaskTypes::install(Types types) {
  auto fresh = std::make_shared<const Types>(std::move(types));
  const MutexLock lock(mutex_);
  types_ = std::move(fresh);
}

TypeVersions TaskTypes::versions_of(const Types& types, const std::string& name) {
  const auto at = types.find(name);
  return at == types.end() ? TypeVersions{} : *at->second;
}

Status TaskTypes::load() {
  auto rows = platform_.store.query(
      {"SELECT learned_ms, type, version, description, params_schema, timeout_ms FROM "
       "task_type_versions"});
  if (!rows) return rows.error();
  std::stable_sort(rows->begin(), rows->end(), [](const auto& a, const auto& b) {
    return ports::as_int(a[0]) < ports::as_int(b[0]);
  });
  const MutexLock change(changes_);
  Types types = *snapshot();
  std::map<std::string, TypeVersions> read;
  for (const auto& row : *rows) {
    const auto word = [&row](std::size_t i) { return std::string(ports::as_text(row[i])); };
    read[word(1)].add(TypeVersion::of({word(1), word(3), word(2), word(4), ports::as_int(row[5])}));
  }
  for (auto& [name, versions] : read) {
    const TypeVersions own = versions_of(types, name);
    for (const TypeVersion& version : own.all()) versions.add(version);
    types[name] = std::make_shared<const TypeVersions>(std::move(versions));
  }
  install(std::move(types));
  return {};
}

void TaskTypes::set_own(const std::vector<ports::TaskType>& own) {
  const MutexLock change(changes_);
  Types types = *snapshot();
  for (auto& [name, versions] : types) {
    TypeVersions next = *versions;
    for (const TypeVersion& v : versions->all()) next.find(v.schema_id)->own = false;
    versions = std::make_shared<const TypeVersions>(std::move(next));
  }
  for (const auto& type : own) {
    TypeVersions next = versions_of(types, type.name);
    TypeVersion version = TypeVersion::of(type);
    version.own = true;
    next.add(std::move(version));
    types[type.name] = std::make_shared<const TypeVersions>(std::move(next));
  }
  install(std::move(types));
}

Status TaskTypes::resume(const std::vector<ports::TaskType>& said) {
  std::vector<ports::TaskType> unknown;
  {
    const MutexLock change(changes_);
    Types types = *snapshot();
    for (const auto& type : said) {
      TypeVersions next = versions_of(types, type.name);
      const TypeVersion* known = next.find_text(type.params_schema);
      if (known == nullptr) unknown.push_back(type);
      if (known == nullptr || known->on_workers) continue;
      next.find(known->schema_id)->on_workers = true;
      types[type.name] = std::make_shared<const TypeVersions>(std::move(next));
    }
    install(std::move(types));
  }
  const auto learned = learn(unknown, Yield::kNobodys);
  return learned ? Status{} : Status{learned.error()};
}

const TypeVersion* TaskTypes::find(const Types& types, const ports::TaskType& type) {
  const auto at = types.find(type.name);
  return at == types.end() ? nullptr : at->second->find_text(type.params_schema);
}

bool TaskTypes::are_in_use(const Types& types, const std::vector<ports::TaskType>& said) {
  return std::all_of(said.begin(), said.end(), [&](const ports::TaskType& type) {
    const TypeVersion* known = find(types, type);
    return known != nullptr && known->on_workers && known->type == type;
  });
}

Result<std::vector<std::string>> TaskTypes::learn(const std::vector<ports::TaskType>& said) {
  return learn(said, Yield::kUnproven);
}

Result<std::vector<std::string>> TaskTypes::learn(const std::vector<ports::TaskType>& said,
                                                  Yield yield) {
  std::vector<std::string> changed;
  if (are_in_use(*snapshot(), said)) return changed;
  for (std::map<std::string, Named> named;;) {
    const auto missing = try_learn(said, yield, named, changed);
    if (!missing) return missing.error().within("task types");
    if (missing->empty()) return changed;
    for (const std::string& type : *missing) {
      auto found = named_by_tasks(type);
      if (!found) return found.error().within("task types");
      named.emplace(type, std::move(*found));
    }
  }
}

/// Answers the types of which it has to know first what their tasks name: then nothing was learned.
Result<std::vector<std::string>> TaskTypes::try_learn(const std::vector<ports::TaskType>& said,
                                                      Yield yield,
                                                      const std::map<std::string, Named>& named,
                                                      std::vector<std::string>& changed) {
  const MutexLock change(changes_);
  Types types = *snapshot();
  std::vector<std::string> missing;
  std::vector<std::string> fresh;
  std::vector<ports::Statement> statements;
  for (const auto& type : said) {
    if (are_in_use(types, {type})) continue;
    TypeVersions next = versions_of(types, type.name);
    const bool known = next.find_text(type.params_schema) != nullptr;
    if (next.all().size() + (known ? 0 : 1) > TypeVersions::kMost) {
      const auto candidates = may_go(next, yield);
      const auto tasks = named.find(type.name);
      if (!candidates.empty() && tasks == named.end()) {
        missing.push_back(type.name);
        continue;
      }
      const bool can_tell = candidates.empty() || tasks->second;
      const auto free = std::find_if(candidates.begin(), candidates.end(), [&](const auto& id) {
        return can_tell && !tasks->second->contains(id);
      });
      if (free != candidates.end()) {
        log::info("task_type_version_forgotten", {{"type", type.name}, {"schema", *free}});
        statements.push_back(removal(type.name, *free));
        next.forget(*free);
      } else if (!known && (can_tell || next.all().size() >= TypeVersions::kMostUnseen)) {
        warn_of_left_out(type, next.all().size());
        continue;
      }
    }
    TypeVersion version = TypeVersion::of(type);
    version.on_workers = true;
    statements.push_back(insertion(version, platform_.clock.wall_ms()));
    next.add(std::move(version));
    types[type.name] = std::make_shared<const TypeVersions>(std::move(next));
    fresh.push_back(type.name);
  }
  if (!missing.empty() || fresh.empty()) return missing;
  drop_surplus(types, statements);
  if (const auto written = platform_.store.batch(statements); !written) return written.error();
  install(std::move(types));
  changed = std::move(fresh);
  return missing;
}

/// The schema ids of those that may be forgotten for another one, in that order.
std::vector<std::string> TaskTypes::may_go(const TypeVersions& versions, Yield yield) const {
  std::vector<std::string> out = versions.idle();
  if (yield == Yield::kNobodys) return out;
  const WallMs now = platform_.clock.wall_ms();
  for (const TypeVersion& v : versions.all())
    if (v.on_workers && !v.own && !workers_.directory.is_vouched_for(v.type, now))
      out.push_back(v.schema_id);
  return out;
}

Result<TaskTypes::Named> TaskTypes::named_by_tasks(const std::string& type) const {
  constexpr int kMostPages = 40;
  constexpr std::size_t kPageBytes = 4u << 20;
  ports::TaskQuery query;
  query.type = type;
  query.states = {model::TaskState::kQueued, model::TaskState::kWaiting, model::TaskState::kClaimed,
                  model::TaskState::kExecuting, model::TaskState::kSuspect};
  query.newest_first = false;
  query.limit = 500;
  query.max_bytes = kPageBytes;
  std::set<std::string> named;
  for (int page = 0; page < kMostPages; ++page) {
    const auto tasks = platform_.queue.read(query);
    if (!tasks) return tasks.error();
    if (tasks->empty()) return Named(std::move(named));
    for (const model::Task& task : *tasks)
      for (std::string& id : model::accepting_schemas(task.spec)) named.insert(std::move(id));
    query.after_seq = tasks->back().seq;
  }
  return Named();
}

void TaskTypes::drop_surplus(Types& types, std::vector<ports::Statement>& statements) const {
  for (auto at = types.begin(); types.size() > kMostTypes && at != types.end();) {
    if (!at->second->in_use().empty()) {
      ++at;
      continue;
    }
    for (const TypeVersion& v : at->second->all())
      statements.push_back(removal(at->first, v.schema_id));
    at = types.erase(at);
  }
}

/// False when nothing is other than before.
bool TaskTypes::set_on_workers(const ports::TaskType& type, bool on) {
  Types types = *snapshot();
  TypeVersions next = versions_of(types, type.name);
  const TypeVersion* known = next.find_text(type.params_schema);
  if (known == nullptr || known->on_workers == on) return false;
  next.find(known->schema_id)->on_workers = on;
  types[type.name] = std::make_shared<const TypeVersions>(std::move(next));
  install(std::move(types));
  return true;
}

void TaskTypes::retire(const ports::TaskType& type) {
  if (workers_.directory.runs(type)) return;
  const MutexLock change(changes_);
  // Who registered in between may have found it in use and left it at that.
  if (set_on_workers(type, false) && workers_.directory.runs(type)) set_on_workers(type, true);
}

std::vector<ports::TaskType> TaskTypes::left_out(const std::vector<ports::TaskType>& types) const {
  const auto known = snapshot();
  std::vector<ports::TaskType> out;
  for (const ports::TaskType& type : types)
    if (find(*known, type) == nullptr) out.push_back(type);
  return out;
}

std::string TaskTypes::one_too_many(const ports::TaskType& type) {
  return "its " + type.name + " " + type.version +
         " is one version too many of those there are; next: skep task types " + type.name;
}

Status TaskTypes::check(model::TaskSpec& spec, std::string_view what, std::string& problems) const {
  const auto types = snapshot();
  const auto at = types->find(spec.type);
  const auto versions =
      at == types->end() ? std::vector<const TypeVersion*>{} : at->second->in_use();
  if (versions.empty()) {
    std::vector<std::string> names;
    for (const auto& [name, known] : *types)
      if (!known->in_use().empty()) names.push_back(name);
    return invalid(std::string(what) + ": unknown task type \"" + spec.type + "\"; " +
                   suggestion(spec.type, names))
        .named("unknown-task-type")
        .with_next("skep task types   or, where a worker runs: skep script list, skep plugin list");
  }
  const auto params = parse_json(spec.params);
  if (!params) return params.error().within(what);
  const std::vector<Answer> answers = ask(versions, *params);
  std::vector<const TypeVersion*> accepting;
  for (const Answer& a : answers)
    if (a.problems.empty()) accepting.push_back(a.version);
  if (accepting.empty()) return refusal(answers, what, spec.type, problems);
  if (spec.timeout_ms == 0) spec.timeout_ms = accepting.front()->type.default_timeout_ms;
  spec.params = to_text(*params);
  spec.requirements.push_back(at->second->requirement(accepting));
  std::sort(spec.requirements.begin(), spec.requirements.end());
  return {};
}

std::optional<std::string> TaskTypes::completed(const model::TaskSpec& spec) const {
  const auto types = snapshot();
  const auto at = types->find(spec.type);
  auto params = parse_json(spec.params);
  if (at == types->end() || !params) return std::nullopt;
  for (const TypeVersion* version : at->second->in_use()) {
    json::value copy = *params;
    if (version->schema->apply(copy).empty()) return to_text(copy);
  }
  return std::nullopt;
}

model::WorkerProfile TaskTypes::seat(model::WorkerProfile worker,
                                     const std::vector<ports::TaskType>& types) const {
  const auto known = snapshot();
  for (const auto& type : types) {
    const TypeVersion* version = find(*known, type);
    if (version == nullptr) {
      worker.capabilities.push_back(model::acceptance({TypeVersion::id_of(type)}));
      continue;
    }
    const auto& offered = known->at(type.name)->capabilities_of(*version);
    worker.capabilities.insert(worker.capabilities.end(), offered.begin(), offered.end());
  }
  return worker;
}

std::string TaskTypes::objection(const model::TaskSpec& spec,
                                 const std::vector<ports::TaskType>& types) const {
  const auto type =
      std::find_if(types.begin(), types.end(), [&](const auto& t) { return t.name == spec.type; });
  const auto params = parse_json(spec.params);
  if (type == types.end() || !params) return "has no plugin for type " + spec.type;
  const auto types_now = snapshot();
  const TypeVersion* version = find(*types_now, *type);
  if (version == nullptr) return one_too_many(*type);
  const std::string name = "its " + spec.type + " " + type->version;
  const auto answers = ask({version}, *params);
  if (answers.front().problems.empty())
    return name +
           " takes other params than the versions that there were when the task came; "
           "next: cancel it and submit it again, under another key";
  return api::schema_error(name + " does not take its params", answers.front().problems).message;
}

std::vector<std::vector<TypeVersion>> TaskTypes::types() const {
  std::vector<std::vector<TypeVersion>> out;
  const auto types = snapshot();
  for (const auto& [name, versions] : *types) {
    std::vector<TypeVersion> in_use;
    for (const TypeVersion* v : versions->in_use()) in_use.push_back(*v);
    if (!in_use.empty()) out.push_back(std::move(in_use));
  }
  return out;
}

}  // namespace skep::control
