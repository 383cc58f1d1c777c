#include "core/control/tasks/task_events.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "core/api/task_json.hpp"
#include "core/base/json.hpp"

namespace skep::control {
namespace {

using model::Task;
using model::TaskState;

/// Of a state in which a task ends.
std::string_view kind_of(TaskState state) {
  if (state == TaskState::kSucceeded) return "task.succeeded";
  if (state == TaskState::kCancelled) return "task.cancelled";
  if (state == TaskState::kDead) return "task.dead";
  return "task.failed";
}

json::object error_of(const Task& t) {
  if (t.error.empty()) return {};
  auto parsed = parse_json(t.error);
  return parsed && parsed->is_object() ? std::move(parsed->get_object()) : json::object{};
}

/// A worker writes its errors itself: their codes make nobody else the actor.
std::string actor_of_end(const Task& t, const json::object& error) {
  if (t.state == TaskState::kDead) return std::string(kSystem);
  if (t.state == TaskState::kCancelled) {
    if (std::string by = get_string(error, api::kCancelledBy); !by.empty()) return by;
    if (get_string(error, "code") == "expired")
      return t.worker_id.empty() ? std::string(kSystem) : "";
  }
  return t.worker_id.empty() ? "" : worker_actor(t.worker_id);
}

NewEvent event_of(const Task& t, std::string_view kind, WallMs now) {
  const json::object error = error_of(t);
  NewEvent e{std::min(t.finished_ms, now), kind, t.id, actor_of_end(t, error)};
  e.fields.emplace_back("type", t.spec.type);
  if (!t.spec.site.empty()) e.fields.emplace_back("site", t.spec.site);
  if (!t.worker_id.empty()) e.fields.emplace_back("worker_id", t.worker_id);
  e.fields.emplace_back("attempt", t.attempt);
  if (t.started_ms > 0) e.fields.emplace_back("duration_ms", t.finished_ms - t.started_ms);
  if (const std::string code = get_string(error, "code"); !code.empty())
    e.fields.emplace_back("code", code);
  return e;
}

}  // namespace

std::vector<NewEvent> task_events(const EventLog& log, WallMs now,
                                  std::span<const ports::Completion> ended) {
  std::vector<NewEvent> out;
  for (const auto& c : ended)
    if (const std::string_view kind = kind_of(c.task.state); log.keeps(kind))
      out.push_back(event_of(c.task, kind, now));
  return out;
}

}  // namespace skep::control
