// skep task list, show, logs, explain, cancel, retry
#include <boost/json.hpp>
#include <ostream>

#include "core/cli/follow.hpp"
#include "core/cli/format.hpp"
#include "core/cli/interrupt.hpp"
#include "core/cli/session.hpp"
#include "core/cli/task_view.hpp"

namespace skep::cli {
namespace {

constexpr std::int64_t kPage = 200;

/// Pages of GET /api/tasks put together, at most `limit` items; next_cursor is that of the last
/// page.
Outcome<json::value> fetch_tasks(Client& api, const Query& filter, std::int64_t limit) {
  json::array items;
  std::string cursor;
  do {
    Query query = filter;
    const auto missing = limit - static_cast<std::int64_t>(items.size());
    query.emplace_back("limit", std::to_string(std::min(missing, kPage)));
    query.emplace_back("cursor", cursor);
    auto page = api.get(with_query("/api/tasks", query));
    if (!page) return page.error();
    const auto part = items_of(*page);
    for (const json::object* item : part) items.emplace_back(*item);
    const json::object* top = page->if_object();
    cursor = top == nullptr || part.empty() ? std::string() : get_string(*top, "next_cursor");
  } while (!cursor.empty() && static_cast<std::int64_t>(items.size()) < limit);
  json::object out;
  out["items"] = std::move(items);
  out["next_cursor"] = cursor.empty() ? json::value() : json::value(cursor);
  return json::value(std::move(out));
}

Outcome<int> list(Session& s) {
  const auto limit = s.args.integer("limit", 50, 1);
  if (!limit) return limit.error();
  auto api = s.api();
  if (!api) return api.error();
  const auto tasks = fetch_tasks(**api,
                                 {{"status", s.args.get("status")},
                                  {"type", s.args.get("type")},
                                  {"site", s.args.get("site")},
                                  {"worker_id", s.args.get("worker")}},
                                 *limit);
  if (!tasks) return tasks.error();
  print_list(s.console, s.format, *tasks, task_columns(s.console.now_ms()), "id", "no tasks");
  if (s.for_people() && !get_string(tasks->get_object(), "next_cursor").empty())
    s.console.note("more tasks exist; next: --limit " + std::to_string(*limit * 4));
  return 0;
}

Outcome<int> show_document(Session& s, const std::string& path,
                           void (*print)(const Console&, const json::object&)) {
  auto api = s.api();
  if (!api) return api.error();
  const auto document = (*api)->get(path);
  if (!document) return document.error();
  if (!document->is_object()) return Failure(Error{Code::kCorrupt, "the answer is no JSON object"});
  if (!print_document(s.console, s.format, *document, "id"))
    print(s.console, document->get_object());
  return 0;
}

Outcome<int> show(Session& s) { return show_document(s, task_path(s.args.get("ID")), print_task); }

Outcome<int> explain(Session& s) {
  return show_document(s, task_path(s.args.get("ID"), "/explain"), print_explanation);
}

OnLine json_printer(const Console& c) {
  return [&c](const LogLine& line) {
    json::object o{{"stream", line.stream}, {"text", line.text}};
    c.out << json::serialize(o) << '\n' << std::flush;
    return c.out.good();
  };
}

Outcome<int> logs(Session& s) {
  auto api = s.api();
  if (!api) return api.error();
  const bool follow = s.args.has("follow");
  if (follow) catch_interrupts();
  const std::string id = s.args.get("ID");
  const auto done = read_logs(**api, id, follow, Millis{0},
                              s.for_people() ? line_printer(s.console) : json_printer(s.console));
  if (!done) return detached(done.error(), id);
  return 0;
}

Outcome<int> act(Session& s, std::string_view verb) {
  auto api = s.api();
  if (!api) return api.error();
  const std::string id = s.args.get("ID");
  const auto answer = (*api)->post(task_path(id, "/" + std::string(verb)));
  if (!answer) return answer.error();
  if (print_document(s.console, s.format, *answer, "id")) return 0;
  const json::object* task = answer->if_object();
  s.console.out << "task " << printable(id) << ' '
                << printable(task == nullptr ? "" : get_string(*task, "status")) << '\n';
  s.console.note("  next:  skep task show " + id);
  return 0;
}

Command with_id(std::string name, std::string summary, std::function<Outcome<int>(Session&)> run) {
  Command c{std::move(name), std::move(summary)};
  c.positionals = {{"ID", "task id"}};
  c.run = std::move(run);
  return c;
}

Command list_command() {
  Command c{"task list", "list tasks, newest first"};
  c.options = {{"status",
                0,
                "STATUS",
                "only tasks in this status",
                false,
                {"queued", "claimed", "executing", "succeeded", "failed", "cancelled", "dead"}},
               {"type", 0, "TYPE", "only this type"},
               {"site", 0, "SITE", "only this site"},
               {"worker", 0, "ID", "only this worker"},
               {"limit", 0, "N", "at most so many (50)"}};
  c.run = list;
  return c;
}

}  // namespace

std::vector<Command> task_commands() {
  Command follow = with_id("task logs", "print what a task wrote", logs);
  follow.options = {{"follow", 'f', "", "go on until the task has ended"}};
  return {list_command(),
          with_id("task show", "show a task and its result", show),
          std::move(follow),
          with_id("task explain", "say why a task waits, worker by worker", explain),
          with_id("task cancel", "cancel a task that has not ended",
                  [](Session& s) { return act(s, "cancel"); }),
          with_id("task retry", "queue a task again that has ended",
                  [](Session& s) { return act(s, "retry"); })};
}

}  // namespace skep::cli
