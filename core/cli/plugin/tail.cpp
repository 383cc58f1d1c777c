#include "core/cli/plugin/tail.hpp"

#include <boost/json.hpp>
#include <ostream>

#include "core/cli/base/follow.hpp"
#include "core/cli/base/node_events.hpp"
#include "core/cli/base/task_view.hpp"

namespace skep::cli {
namespace {

constexpr int kPauses = 20;
constexpr const char* kNewest = "50";  // tasks of a type that one look sees

/// The "id" of the event's fields: of which plugin it is.
std::string plugin_of(const SseEvent& event) {
  const auto parsed = parse_json(event.data);
  const json::object* o = parsed ? parsed->if_object() : nullptr;
  const json::value* fields = o == nullptr ? nullptr : o->if_contains("fields");
  return fields != nullptr && fields->is_object() ? get_string(fields->get_object(), "id") : "";
}

bool ended_badly(const std::string& status) { return status == "failed" || status == "dead"; }

}  // namespace

PluginTail::PluginTail(Invocation& call) : call_(call) {
  const auto to = configured_node(call);
  if (!to || call.args.has("to")) return;
  if (auto node = call.connect(*to)) node_.emplace(std::move(*node));
  look_at_events(false);
}

void PluginTail::follow(const Installed& plugin) {
  ids_.insert(plugin.id);
  for (const std::string& type : plugin.task_types)
    if (ended_.try_emplace(type).second) look_at_tasks(type, false);
}

void PluginTail::look() {
  look_at_events(true);
  if (pauses_ > 0 && --pauses_ > 0) return;
  for (const auto& [type, tasks] : ended_)
    if (pauses_ == 0) look_at_tasks(type, true);
}

void PluginTail::look_at_events(bool tell) {
  if (!node_) return;
  const std::string since = reader_.last_id().empty() ? "0" : reader_.last_id();
  // Nothing is lost when it fails: the next look asks for the same.
  [[maybe_unused]] const auto read =
      read_events(*node_, reader_, {.since = since}, [&](const SseEvent& event) {
        if (tell && ids_.contains(plugin_of(event))) print_event(call_, event);
        return true;
      });
}

void PluginTail::look_at_tasks(const std::string& type, bool tell) {
  auto api = call_.api();
  const auto tasks =
      api ? (*api)->get(with_query("/api/tasks", {{"type", type}, {"limit", kNewest}}))
          : Expected<json::value>(api.error());
  if (!tasks) {
    pauses_ = kPauses;
    return;
  }
  for (const json::object* task : items_of(*tasks)) {
    const std::string status = get_string(*task, "status");
    if (!is_over(status) || !ended_[type].insert(get_string(*task, "id")).second) continue;
    if (tell && ended_badly(status)) tell_task(**api, *task);
  }
}

void PluginTail::tell_task(Client& api, const json::object& task) {
  const std::string id = get_string(task, "id");
  const auto whole = api.get(task_path(id));
  print_result(call_.console, whole && whole->is_object() ? whole->get_object() : task, false);
  // Output that cannot be read any more is worth no word beside the error above.
  [[maybe_unused]] const auto read =
      read_logs(api, call_.console, id, false, Millis{0}, line_printer(call_.console));
}

}  // namespace skep::cli
