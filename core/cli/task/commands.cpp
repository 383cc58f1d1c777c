// skep task list, show, logs, explain, cancel, retry
#include "core/cli/task/commands.hpp"

#include <boost/json.hpp>
#include <ostream>
#include <utility>

#include "core/base/base64.hpp"
#include "core/base/utf8.hpp"
#include "core/cli/base/follow.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/invocation.hpp"
#include "core/cli/base/placement.hpp"
#include "core/cli/base/task_id.hpp"
#include "core/cli/base/task_view.hpp"
#include "core/cli/task/verbs.hpp"

namespace skep::cli {
namespace {

constexpr std::int64_t kPage = 200;

/// Pages of GET /api/tasks put together, at most `limit` items; next_cursor is that of the last
/// page.
Expected<json::value> fetch_tasks(Client& api, const Query& filter, std::int64_t limit) {
  json::array items;
  std::string cursor;
  do {
    Query query = filter;
    const auto missing = limit - static_cast<std::int64_t>(items.size());
    query.emplace_back("limit", std::to_string(std::min(missing, kPage)));
    query.emplace_back("cursor", cursor);
    auto page = api.list(with_query("/api/tasks", query));
    if (!page) return page.error();
    const auto part = items_of(*page);
    for (const json::object* item : part) items.emplace_back(*item);
    cursor = part.empty() ? std::string() : get_string(page->get_object(), "next_cursor");
  } while (!cursor.empty() && static_cast<std::int64_t>(items.size()) < limit);
  json::object out;
  out["items"] = std::move(items);
  out["next_cursor"] = cursor.empty() ? json::value() : json::value(cursor);
  return json::value(std::move(out));
}

/// A list may be empty because of a slip in what it was asked for.
void warn_of_filters(const Invocation& call, Client& api) {
  if (call.args.has("type")) warn_of_unknown_type(call, api, call.args.get("type"));
  if (call.args.has("site")) warn_of_empty_sites(call, api, {call.args.get("site")});
  if (call.args.has("worker")) warn_of_unknown_worker(call, api, call.args.get("worker"));
}

Expected<int> list(Invocation& call) {
  const auto limit = call.args.integer("limit", 50, 1);
  if (!limit) return limit.error();
  auto api = call.api();
  if (!api) return api.error();
  const auto tasks = fetch_tasks(**api,
                                 {{"status", call.args.get("status")},
                                  {"type", call.args.get("type")},
                                  {"site", call.args.get("site")},
                                  {"worker_id", call.args.get("worker")}},
                                 *limit);
  if (!tasks) return tasks.error();
  const std::size_t width =
      call.format == Format::kWide ? std::string::npos : id_width(items_of(*tasks));
  print_list(call.console, call.format, *tasks, task_columns(call.console.now_ms(), width), "id",
             "no tasks");
  if (call.for_people() && items_of(*tasks).empty()) warn_of_filters(call, **api);
  if (call.for_people() && !get_string(tasks->get_object(), "next_cursor").empty())
    call.console.note("more tasks exist; next: --limit " + std::to_string(*limit * 4));
  return 0;
}

/// The control plane, and the whole id of the task that ID means.
struct Target {
  Client& api;
  std::string id;
};

Expected<Target> target(Invocation& call) {
  auto api = call.api();
  if (!api) return api.error();
  auto id = task_id_of(call, **api, call.args.get("ID"));
  if (!id) return id.error();
  return Target{**api, std::move(*id)};
}

/// The document below the task's path, printed for programs already; null then.
Expected<json::value> document_of(Invocation& call, const Target& task, std::string_view rest) {
  auto document = task.api.get(task_path(task.id, rest));
  if (!document) return document.error();
  if (print_document(call.console, call.format, *document, "id")) return json::value();
  return document;
}

/// A task that was ended before it could report left its output in the log alone.
bool has_output_of_its_own(const json::object& task) {
  const json::value* result = task.if_contains("result");
  return (result != nullptr && !result->is_null()) || get_int(task, "attempt") == 0;
}

Expected<int> show(Invocation& call) {
  const auto task = target(call);
  if (!task) return task.error();
  const auto document = document_of(call, *task, "");
  if (!document) return document.error();
  if (document->is_null()) return 0;
  print_task(call.console, document->get_object());
  if (has_output_of_its_own(document->get_object())) return 0;
  const OnLine print = line_printer(call.console);
  bool begun = false;
  const auto done =
      read_logs(task->api, call.console, task->id, false, Millis{0}, [&](const LogLine& line) {
        if (!std::exchange(begun, true))
          call.console.out << '\n' << call.console.paint(Style::kBold, "output") << '\n';
        return print(line);
      });
  if (!done) return done.error();
  return 0;
}

Expected<int> explain(Invocation& call) {
  const auto task = target(call);
  if (!task) return task.error();
  const auto document = document_of(call, *task, "/explain");
  if (!document) return document.error();
  if (!document->is_null()) print_explanation(call.console, document->get_object());
  return 0;
}

OnLine json_printer(const Console& c) {
  return [&c](const LogLine& line) {
    json::object o{
        {"attempt", line.attempt}, {"stream", line.stream}, {"text", to_utf8(line.text)}};
    if (!is_utf8(line.text)) o["base64"] = base64_encode(line.text);
    c.out << json_line(o) << '\n' << std::flush;
    return c.out.good();
  };
}

/// "" when the control plane does not say.
std::string state_of(const Target& task) {
  const auto now = task.api.get(task_path(task.id));
  return now ? status_word(now->get_object()) : std::string();
}

void say_that_more_comes(const Console& c, const Target& task) {
  const std::string state = state_of(task);
  c.note((is_over(state)  ? "the last of its output is on its way from the worker"
          : state.empty() ? "that may not be all of its output"
                          : "task " + task.id + " (" + state + ") goes on") +
         std::string("\n  next:  skep task logs ") + task.id + " -f");
}

void say_of_silence(const Console& c, const Target& task) {
  const std::string state = state_of(task);
  c.note("task " + task.id + (state.empty() ? "" : " (" + state + ")") + " has written nothing");
  if (!state.empty() && !is_over(state)) c.note("  next:  skep task explain " + task.id);
}

Expected<int> logs(Invocation& call) {
  const bool follow = call.args.has("follow");
  if (follow) catch_interrupts();
  const auto task = target(call);
  if (!task) return task.error();
  const OnLine print = call.for_people() ? line_printer(call.console, call.args.has("raw"))
                                         : json_printer(call.console);
  bool wrote = false;
  const auto done =
      read_logs(task->api, call.console, task->id, follow, Millis{0}, [&](const LogLine& line) {
        wrote = true;
        return print(line);
      });
  if (!done) return detached(done.error(), task->id, false);
  if (wrote && !*done && call.console.out.good())
    say_that_more_comes(call.console, *task);
  else if (!wrote && call.for_people())
    say_of_silence(call.console, *task);
  return 0;
}

Expected<int> act(Invocation& call, const Target& task, std::string_view verb) {
  const auto answer = task.api.post(task_path(task.id, verb));
  if (!answer) return answer.error();
  if (print_document(call.console, call.format, *answer, "id")) return 0;
  call.console.out << "task " << printable(task.id) << ' '
                   << printable(get_string(answer->get_object(), "status")) << '\n';
  call.console.note("  next:  skep task show " + task.id);
  return 0;
}

Expected<int> cancel(Invocation& call) {
  const auto task = target(call);
  if (!task) return task.error();
  return act(call, *task, "/cancel");
}

Expected<int> retry(Invocation& call) {
  const auto task = target(call);
  if (!task) return task.error();
  const auto before = task->api.get(task_path(task->id));
  if (!before) return before.error();
  if (get_string(before->get_object(), "status") == "succeeded")
    call.console.note("task " + task->id + " had succeeded: it runs again, and its result is gone");
  return act(call, *task, call.args.has("force") ? "/retry?force=true" : "/retry");
}

Command with_id(std::string name, std::string summary,
                std::function<Expected<int>(Invocation&)> run) {
  Command c{std::move(name), std::move(summary)};
  c.positionals = {{"ID",
                    "task id, 4 characters or more of its beginning, or @last: the last one "
                    "submitted from here"}};
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
  follow.options = {{"follow", 'f', "", "go on until the task has ended"},
                    {"raw", 0, "", "the bytes as they are, onto a terminal too"}};
  follow.notes =
      "On a terminal, control characters of the task are shown as text (\\x1b): its output can\n"
      "neither move the cursor nor write over what is there. A pipe or a file gets the bytes.";
  Command again = with_id("task retry", "queue a task again, with fresh tries", retry);
  again.notes = "Also one that has succeeded, which it says: its result is gone then.";
  again.options = {
      {"force", 0, "", "also one that runs: its attempt is stopped, and it begins anew"}};
  return {submit_command(),
          list_command(),
          with_id("task show", "show a task and its result", show),
          std::move(follow),
          artifacts_command(),
          with_id("task explain", "say why a task waits, worker by worker", explain),
          with_id("task cancel", "cancel a task that has not ended", cancel),
          std::move(again),
          types_command()};
}

}  // namespace skep::cli
