#include "core/control/tasks/task_service.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <map>
#include <set>
#include <span>

#include "core/api/artifact_json.hpp"
#include "core/api/task_json.hpp"
#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/base/json_value.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/model/placement.hpp"

namespace skep::control {
namespace {

using model::Task;
using model::TaskSpec;
using model::TaskState;

Task make_task(TaskSpec spec, WallMs now) {
  Task t;
  t.id = new_id();
  t.state = spec.run_at_ms > now ? TaskState::kWaiting : TaskState::kQueued;
  t.created_ms = now;
  t.spec = std::move(spec);
  return t;
}

/// What is wrong with a site at which no worker is; "" when there is one, or any site will do.
std::string nobody_at(const std::string& site, const std::vector<WorkerRecord>& workers) {
  std::set<std::string> sites;
  for (const WorkerRecord& w : workers) sites.insert(w.profile.site);
  if (site.empty() || sites.contains(site)) return {};
  const std::vector<std::string> known(sites.begin(), sites.end());
  return "; no worker is at site \"" + site + "\", " + suggestion(site, known);
}

/// The worker's version of that type.
std::vector<ports::TaskType> types_of(const WorkerRecord& worker, const std::string& name) {
  std::vector<ports::TaskType> out;
  std::copy_if(worker.about.types.begin(), worker.about.types.end(), std::back_inserter(out),
               [&](const ports::TaskType& type) { return type.name == name; });
  return out;
}

/// What the worker says of a type that it does not offer now, "" = nothing.
std::string why_withheld(const WorkerRecord& worker, const std::string& type) {
  if (!types_of(worker, type).empty()) return {};
  for (const std::string& notice : worker.beat.notices)
    if (notice.starts_with(type + ": ")) return "does not offer it: " + notice;
  const auto& withheld = worker.about.withheld;
  const bool has_it = std::any_of(withheld.begin(), withheld.end(),
                                  [&](const ports::TaskType& one) { return one.name == type; });
  return has_it ? "does not offer it now" : "";
}

std::string shown_key(const std::string& key) { return "idempotency key \"" + key + "\""; }

Error conflict(const std::string& key, const std::string& id) {
  return Error{Code::kState, shown_key(key) + " belongs to task " + id + " with other content",
               "idempotency-conflict", "skep task show " + id};
}

/// With a conflict nothing of the request was kept, also what the others stand for.
Status refuse_conflicts(std::span<const Task> tasks, std::span<const ports::Enqueued> verdicts) {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (verdicts[i].verdict != ports::EnqueueVerdict::kConflict) continue;
    const std::string& key = tasks[i].spec.idempotency_key;
    const auto before = tasks.first(i);
    if (std::any_of(before.begin(), before.end(),
                    [&](const Task& t) { return t.id == verdicts[i].id; }))
      return Error{Code::kState,
                   shown_key(key) + " stands twice in this request, with different content",
                   "idempotency-conflict"};
    return conflict(key, verdicts[i].id);
  }
  return {};
}

bool same_document(const std::string& a, const std::string& b) {
  const auto left = parse_json(a);
  const auto right = parse_json(b);
  return left && right && same_value(*left, *right);
}

Error unknown_task(const std::string& id) {
  return not_found("task", id).named("unknown-task").with_next("skep task list");
}

/// Of one that the queue did not put back: it waits already, or went on since it was looked at.
Error no_retry(const Task& before, const Task& after) {
  const std::string status(model::public_status(after.state));
  if (after.attempt == before.attempt)
    return Error{Code::kState, "task " + after.id + " is " + status + " already; it needs no retry",
                 "not-retryable", "skep task explain " + after.id};
  return Error{Code::kState,
               "task " + after.id + " has begun attempt " + std::to_string(after.attempt) +
                   " meanwhile and is " + status + " now; nothing was changed",
               "attempt-changed", "skep task show " + after.id};
}

}  // namespace

Result<std::vector<TaskService::Submitted>> TaskService::submit(std::vector<TaskSpec> specs,
                                                                std::string& problems) {
  const WallMs now = clock_.wall_ms();
  std::vector<Task> tasks;
  std::vector<bool> own_timeout;
  tasks.reserve(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::string what = specs.size() == 1 ? "task" : "tasks[" + std::to_string(i) + "]";
    own_timeout.push_back(specs[i].timeout_ms != 0);
    if (const Status fits = accept(specs[i], now, what, problems); !fits) {
      const auto known = repeat(specs[i], own_timeout.back());
      if (known && !*known) return fits.error();
      problems.clear();
      if (!known) return known.error();
    }
    tasks.push_back(make_task(std::move(specs[i]), now));
  }
  auto pins = inputs_of(tasks);
  if (!pins) return pins.error();
  SKEP_TRY(artifacts_.admit(*pins));
  const auto verdicts = enqueue(now, tasks, own_timeout);
  if (!verdicts) return verdicts.error();
  unpin_repeats(*pins, tasks, *verdicts);
  SKEP_TRY(refuse_conflicts(tasks, *verdicts));
  std::vector<Submitted> out;
  std::vector<Task> fresh;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto& v = (*verdicts)[i];
    if (v.verdict == ports::EnqueueVerdict::kEnqueued) {
      if (tasks[i].state == TaskState::kQueued) fresh.push_back(tasks[i]);
      out.push_back({std::move(tasks[i]), false});
      continue;
    }
    auto existing = get(v.id);
    if (!existing) return existing.error();
    out.push_back({std::move(*existing), true});
  }
  waiting_.announce(fresh);
  return out;
}

Status TaskService::accept(TaskSpec& spec, WallMs now, const std::string& what,
                           std::string& problems) const {
  SKEP_TRY(types_.check(spec, what, problems));
  if (spec.expires_ms != 0 && spec.expires_ms <= now)
    return invalid(what + ": expires_at lies in the past");
  return {};
}

/// Asked only of what is refused as a new task: of the others the queue finds the key itself.
Result<bool> TaskService::repeat(TaskSpec& spec, bool own_timeout) const {
  if (spec.idempotency_key.empty()) return false;
  ports::TaskQuery query;
  query.idempotency_key = spec.idempotency_key;
  query.limit = 1;
  const auto rows = queue_.read(query);
  if (!rows) return rows.error();
  if (rows->empty()) return false;
  const Task& known = rows->front();
  adopt(spec, own_timeout, known.spec);
  if (spec.type != known.spec.type || spec.params != known.spec.params)
    return conflict(spec.idempotency_key, known.id);
  return true;
}

Result<std::vector<ArtifactLedger::Pin>> TaskService::inputs_of(const std::vector<Task>& tasks) {
  std::vector<ArtifactLedger::Pin> out;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    auto inputs = api::inputs_of(tasks[i].spec.params);
    if (!inputs && tasks.size() == 1) return inputs.error();
    if (!inputs) return inputs.error().within("tasks[" + std::to_string(i) + "]");
    if (!inputs->empty()) out.push_back({tasks[i].id, std::move(*inputs)});
  }
  return out;
}

/// What another task stands for, or nobody, reads nothing. What this misses holds its inputs until
/// the sweeper asks the queue.
void TaskService::unpin_repeats(const std::vector<ArtifactLedger::Pin>& pins,
                                const std::vector<Task>& tasks,
                                const std::vector<ports::Enqueued>& verdicts) {
  const bool refused = std::any_of(verdicts.begin(), verdicts.end(), [](const auto& v) {
    return v.verdict == ports::EnqueueVerdict::kConflict;
  });
  for (const auto& pin : pins) {
    const auto at = std::find_if(tasks.begin(), tasks.end(),
                                 [&](const Task& t) { return t.id == pin.task_id; });
    const auto& v = verdicts[static_cast<std::size_t>(at - tasks.begin())];
    if (!refused && v.verdict == ports::EnqueueVerdict::kEnqueued) continue;
    if (const Status gone = artifacts_.ledger.unpin(pin.task_id); !gone)
      log::warn("inputs_stay", {{"task_id", pin.task_id}, {"error", gone.error().message}});
  }
}

/// Takes over what says the same in other words, and what the versions of another day added to the
/// same request. False when that is all there.
bool TaskService::adopt(TaskSpec& spec, bool own_timeout, const TaskSpec& known) const {
  bool changed = model::adopt_acceptance(spec, known);
  if (!own_timeout && spec.timeout_ms != known.timeout_ms) {
    spec.timeout_ms = known.timeout_ms;
    changed = true;
  }
  if (spec.params == known.params) return changed;
  // Before there were requirements of that kind, parameters were kept with their defaults.
  const auto completed =
      model::accepting_schemas(known).empty() ? types_.completed(spec) : std::nullopt;
  if (!same_document(spec.params, known.params) &&
      !(completed && same_document(*completed, known.params)))
    return changed;
  spec.params = known.params;
  return true;
}

/// What takes its parameters was asked again, of the versions of today: that makes no other task of
/// one that is known by its key.
Result<std::vector<ports::Enqueued>> TaskService::enqueue(WallMs now, std::vector<Task>& tasks,
                                                          const std::vector<bool>& own_timeout) {
  auto verdicts = queue_.enqueue(now, tasks);
  if (!verdicts) return verdicts;
  const auto is_conflict = [](const ports::Enqueued& said) {
    return said.verdict == ports::EnqueueVerdict::kConflict;
  };
  if (std::none_of(verdicts->begin(), verdicts->end(), is_conflict)) return verdicts;
  bool changed = false;
  std::map<std::string, std::size_t> of_request;  // undone with the conflict: in no queue
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const ports::Enqueued& said = (*verdicts)[i];
    if (said.verdict == ports::EnqueueVerdict::kEnqueued) of_request.emplace(said.id, i);
    if (!is_conflict(said)) continue;
    if (const auto twin = of_request.find(said.id); twin != of_request.end()) {
      changed |= adopt(tasks[i].spec, own_timeout[i], tasks[twin->second].spec);
      continue;
    }
    const auto known = get(said.id);
    if (!known && known.error().code == Code::kNotFound) continue;  // forgotten meanwhile
    if (!known) return known.error();
    changed |= adopt(tasks[i].spec, own_timeout[i], known->spec);
  }
  return changed ? queue_.enqueue(now, tasks) : verdicts;
}

Result<Task> TaskService::get(const std::string& id) {
  ports::TaskQuery query;
  query.id = id;
  query.limit = 1;
  auto rows = queue_.read(query);
  if (!rows) return rows.error();
  if (rows->empty()) return unknown_task(id);
  return std::move(rows->front());
}

void TaskService::void_attempt(const Task& task) {
  if (!model::is_held(task.state)) return;
  workers_.void_lease(task.worker_id, task.lease_id);
  waits_.wake_worker(task.worker_id);
}

Result<Task> TaskService::cancel(const std::string& id, const std::string& actor) {
  const auto before = get(id);
  if (!before) return before.error();
  const auto verdict = queue_.cancel(
      clock_.wall_ms(), id, api::task_error("cancelled", "cancelled by an operator", actor));
  if (!verdict) return verdict.error();
  auto after = get(id);
  if (!after) return after.error();
  if (*verdict != ports::LeaseVerdict::kHeld)
    return Error{
        Code::kState,
        "task " + id + " had already ended: " + std::string(model::public_status(after->state)),
        "already-ended", "skep task show " + id};
  void_attempt(*before);
  waits_.wake_task(id);
  log::info("task_cancelled", {{"task_id", id}, {"worker_id", before->worker_id}});
  return after;
}

Result<Task> TaskService::retry(const std::string& id, bool force) {
  const auto before = get(id);
  if (!before) return before.error();
  if (model::is_held(before->state) && !force)
    return Error{Code::kState,
                 "task " + id + " is with worker " + before->worker_id + ", attempt " +
                     std::to_string(before->attempt) + "; a retry would stop it and begin anew",
                 "still-running",
                 "skep task logs " + id + " -f   or   skep task retry " + id + " --force"};
  const auto verdict = queue_.requeue(clock_.wall_ms(), id, before->attempt);
  if (!verdict) return verdict.error();
  auto after = get(id);
  if (!after) return after.error();
  if (*verdict != ports::LeaseVerdict::kHeld) return no_retry(*before, *after);
  void_attempt(*before);
  waiting_.announce({&*after, 1});
  log::info("task_requeued", {{"task_id", id}});
  return after;
}

Result<TaskService::Explanation> TaskService::explain(const std::string& id) {
  auto task = get(id);
  if (!task) return task.error();
  Explanation e;
  e.task = std::move(*task);
  const Task& t = e.task;
  const WallMs now = clock_.wall_ms();
  std::size_t eligible = 0;
  std::string resumable;  ///< a worker that was told to take none, and would run it
  const auto all = workers_.all();
  const bool waits = !model::is_terminal(t.state) && !model::is_held(t.state);
  for (const auto& w : all) {
    if (!waits) break;
    Explanation::Line line{w.profile.id, false, {}};
    const Presence presence = workers_.presence(w, now);
    bool is_told = false;
    model::TaskSpec place = t.spec;
    std::erase_if(place.requirements, model::is_acceptance);
    if (const auto withheld = why_withheld(w, t.spec.type); !withheld.empty())
      line.reason = withheld;
    else if (const auto reason = why_not(place, w.profile))
      line.reason = *reason;
    else if (why_not(t.spec, types_.seat(w.profile, types_of(w, t.spec.type))))
      line.reason = types_.objection(t.spec, w.about.types);
    else if (!w.beat.troubles.empty() && presence == Presence::kOnline)
      line.reason = "takes no tasks: " + w.beat.troubles.front();
    else if (is_told = w.mode != api::WorkerMode::kActive; is_told)
      line.reason =
          std::string(api::to_string(w.mode)) + "; next: skep worker resume " + w.profile.id;
    else if (presence != Presence::kOnline && presence != Presence::kLate)
      line.reason = std::string(to_string(presence)) + " for " +
                    std::to_string((now - w.last_seen_ms) / 1000) + " s";
    else
      line.eligible = true;
    if (line.eligible && w.beat.busy >= w.beat.pool_size && w.beat.pool_size > 0)
      line.reason = "all " + std::to_string(w.beat.pool_size) + " slots are busy";
    const bool is_there = presence == Presence::kOnline || presence == Presence::kLate;
    if (is_told && is_there && resumable.empty()) resumable = w.profile.id;
    eligible += line.eligible ? 1 : 0;
    e.workers.push_back(std::move(line));
  }
  const std::string head = "task " + t.id + " (" + t.spec.type + ") ";
  if (model::is_terminal(t.state)) {
    e.summary = head + "has ended: " + std::string(model::public_status(t.state));
    e.next = "skep task show " + t.id;
  } else if (model::is_held(t.state)) {
    e.summary = head + "is with " + t.worker_id + ", attempt " + std::to_string(t.attempt) +
                (t.state == TaskState::kSuspect ? "; its lease has run out" : "");
    e.next = "skep task logs " + t.id + " -f";
  } else if (t.state == TaskState::kWaiting) {
    e.summary = head + "waits until " + to_iso(t.spec.run_at_ms) +
                (t.attempt > 0 ? " before attempt " + std::to_string(t.attempt + 1) : "");
    e.next = "skep task show " + t.id;
  } else {
    e.summary = head + "is queued for " + std::to_string((now - t.created_ms) / 1000) +
                " s; it can run on " + std::to_string(eligible) + " of " +
                std::to_string(all.size()) + " workers" + nobody_at(t.spec.site, all);
    e.next = eligible > 0         ? "skep worker list"
             : !resumable.empty() ? "skep worker resume " + resumable
                                  : "skep task cancel " + t.id;
  }
  return e;
}

}  // namespace skep::control
