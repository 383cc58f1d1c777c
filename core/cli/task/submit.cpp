// skep task submit
#include "core/cli/task/verbs.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <memory>
#include <ostream>

#include "core/base/duration.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/follow.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/invocation.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/cli/base/params.hpp"
#include "core/cli/base/placement.hpp"
#include "core/cli/base/task_id.hpp"
#include "core/cli/base/task_view.hpp"
#include "core/cli/base/terminal_text.hpp"
#include "core/cli/task/transfer.hpp"

namespace skep::cli {
namespace {

constexpr int kTaskFailed = 9;
constexpr double kFarthest = 100 * 365.0 * 86'400;

/// ISO 8601, or "+90s", "+10m", "+2h" from now.
Result<std::string> time_of(const std::string& option, const std::string& text, WallMs now) {
  const Error wrong = usage_error("--" + option + " \"" + text + "\" is no time",
                                  "2026-01-10T12:34:56Z   or   +90s, +10m, +2h");
  if (!text.starts_with('+')) {
    const auto at = from_iso(text);
    if (!at) return wrong;
    return to_iso(*at);
  }
  const auto seconds = parse_duration_with_unit(text.substr(1));
  if (!seconds || *seconds > kFarthest) return wrong;
  return to_iso(now + static_cast<std::int64_t>(std::llround(*seconds * 1'000)));
}

Status add_times(Invocation& call, json::object& task) {
  for (const auto& [option, member] :
       {std::pair{"run-at", "run_at"}, {"expires-at", "expires_at"}}) {
    if (!call.args.has(option)) continue;
    const auto at = time_of(option, call.args.get(option), call.console.now_ms());
    if (!at) return at.error();
    task[member] = *at;
  }
  return {};
}

Status add_numbers(Invocation& call, json::object& task) {
  if (call.args.has("priority")) {
    const std::string text = call.args.get("priority");
    const auto number = to_int(text);
    task["priority"] = number ? json::value(*number) : json::value(text);
  }
  if (call.args.has("max-attempts")) {
    const auto n = call.args.integer("max-attempts", 0, 1);
    if (!n) return n.error();
    task["max_attempts"] = *n;
  }
  if (call.args.has("task-timeout")) {
    const auto timeout = call.args.duration("task-timeout", Millis{0});
    if (!timeout) return timeout.error();
    task["timeout_seconds"] = static_cast<double>(timeout->count()) / 1'000;
  }
  return {};
}

/// Asks the control plane for the schema of `type` when it is first needed. Without an answer the
/// value stays what it is in JSON, and the control plane says what is wrong with it.
WantsText wants_text(Invocation& call, const std::string& type) {
  auto schema = std::make_shared<std::optional<json::value>>();
  return [&call, type, schema](const std::string& key) {
    if (!*schema) {
      *schema = json::value();
      if (auto api = call.api())
        if (const auto types = (*api)->get("/api/task-types"))
          for (const json::object* t : items_of(*types))
            if (const json::value* found = t->if_contains("params_schema");
                found != nullptr && get_string(*t, "name") == type)
              *schema = *found;
    }
    return schema_wants_text(**schema, key);
  };
}

Result<json::object> task_spec(Invocation& call) {
  json::object task;
  task["type"] = call.args.get("TYPE");
  auto base = call.args.has("params") ? call.text_argument(call.args.get("params"), "--params")
                                      : Result<std::string>(std::string());
  if (!base) return base.error();
  const Upload bring = [&call](const std::string& path) -> Result<json::value> {
    auto value = upload(call, path);
    if (!value) return value.error().error;
    return std::move(*value);
  };
  auto params =
      build_params(*base, call.args.all("param"), wants_text(call, call.args.get("TYPE")), bring);
  if (!params) return params.error();
  task["params"] = std::move(*params);
  for (const auto& [option, member] :
       {std::pair{"site", "site"}, {"worker", "worker_id"}, {"idempotency-key", "idempotency_key"}})
    if (call.args.has(option)) task[member] = call.args.get(option);
  if (call.args.has("require")) {
    json::array needed;
    for (const std::string& r : call.args.all("require")) needed.emplace_back(r);
    task["requires"] = std::move(needed);
  }
  SKEP_TRY(add_numbers(call, task));
  SKEP_TRY(add_times(call, task));
  return task;
}

Expected<json::value> until_end(Invocation& call, Client& api, const std::string& id,
                                Millis limit) {
  if (call.args.has("follow")) {
    // With a format for programs stdout is the task's document alone.
    const auto output = std::make_shared<ScriptOutput>(call.console, false);
    const auto show =
        call.for_people() ? line_printer(call.console) : OnLine([output](const LogLine& line) {
          output->err(line.text);
          return true;
        });
    const auto logs = read_logs(api, call.console, id, true, limit, show);
    if (!logs && logs.error().error.code == Code::kDeadline)  // of its output, maybe, not of it
      if (auto task = api.get(task_path(id));
          task && is_over(get_string(task->get_object(), "status")))
        return task;
    if (!logs) return detached(logs.error(), id, true);
  }
  auto task = wait_for_end(api, call.console, id, limit);
  if (!task) return detached(task.error(), id, true);
  return task;
}

void warn_of_nobody(Invocation& call, Client& api) {
  if (call.args.has("site")) warn_of_empty_sites(call, api, {call.args.get("site")});
  if (call.args.has("worker")) warn_of_unknown_worker(call, api, call.args.get("worker"));
  if (call.args.has("require")) warn_of_unknown_capabilities(call, api, call.args.all("require"));
}

/// Nobody knows whether a request without an answer did its work.
Failure unanswered(const Invocation& call, Failure failure) {
  Error& error = failure.error;
  const bool open = error.code == Code::kCancelled || error.code == Code::kDeadline;
  if (!open || !failure.problem.empty()) return failure;
  error.message += "; the task may be there";
  error.next = call.args.has("idempotency-key")
                   ? "the same command with the same --idempotency-key submits it once"
                   : "skep task list --type " + shell_word(call.args.get("TYPE")) + "     # is it?";
  return failure;
}

Expected<int> submit(Invocation& call) {
  const auto limit = call.args.duration("wait-timeout", Millis{0});
  if (!limit) return limit.error();
  auto spec = task_spec(call);
  if (!spec) return spec.error();
  auto api = call.api();
  if (!api) return api.error();
  const bool wait = call.args.has("wait") || call.args.has("follow");
  catch_interrupts();
  auto made = (*api)->post("/api/tasks", json::serialize(*spec));
  if (!made) return unanswered(call, made.error());
  const json::object& task = made->get_object();
  const std::string id = get_string(task, "id");
  if (id.empty()) return (*api)->strange("/api/tasks", "no task id");
  remember_last(call, **api, id);
  if (call.for_people()) warn_of_nobody(call, **api);
  if (!wait) {
    if (print_document(call.console, call.format, *made, "id")) return 0;
    call.console.out << "task " << printable(id) << ' ' << printable(get_string(task, "status"))
                     << '\n';
    call.console.note("  next:  skep task logs " + id + " -f");
    return 0;
  }
  call.console.note("task " + id + " " + printable(get_string(task, "status")));
  auto ended = until_end(call, **api, id, *limit);
  if (!ended) return ended.error();
  const json::object& result = ended->get_object();
  if (!print_document(call.console, call.format, *ended, "id"))
    print_result(call.console, result, !call.args.has("follow"));
  return get_string(result, "status") == "succeeded" ? 0 : kTaskFailed;
}

}  // namespace

Command submit_command() {
  Command c{"task submit", "submit a task"};
  c.positionals = {{"TYPE", "task type, such as collect_facts or execute_script"}};
  c.options = {
      {"param", 'p', "KEY=VALUE",
       "a parameter; JSON, @FILE or text, and text where the type wants a string; a.b=1 nests; a "
       "@FILE that is no text, or large, goes as an input of the task",
       true},
      {"params", 0, "JSON", "all parameters as a JSON object, @FILE or -"},
      {"site", 0, "SITE", "run at this site"},
      {"worker", 0, "ID", "run on this worker"},
      {"require", 0, "CAPABILITY", "run where this capability is on", true},
      {"priority", 0, "P", "low, normal, high, critical or 0 to 9"},
      {"timeout",
       0,
       "TIME",
       "longest run of one attempt, such as 30s or 5m; --wait-timeout bounds the waiting",
       false,
       {},
       {},
       "task-timeout"},
      {"max-attempts", 0, "N", "attempts before the task is dead or failed"},
      {"run-at", 0, "TIME", "not before: 2026-01-10T12:34:56Z, +90s, +10m, +2h"},
      {"expires-at", 0, "TIME", "give up when not started by then"},
      {"idempotency-key", 0, "KEY", "the same key submits once"},
      {"wait", 'w', "", "wait for the end and print the result"},
      {"follow", 'f', "", "as --wait, with the output as it comes"},
      {"wait-timeout", 0, "TIME", "with --wait or -f: stop waiting after this long (exit 7)"},
  };
  c.notes =
      "Ctrl-C stops waiting and leaves the task running. A control plane that goes away while one "
      "waits is asked again for 60s (exit code 8). Exit code 9: the task ended without success.";
  c.examples = {"skep task submit collect_facts --site site-a --wait",
                "skep task submit execute_script -p script='uname -a' -f",
                "skep task submit execute_script -p script=@deploy.sh -p env.STAGE=test --wait"};
  c.run = submit;
  return c;
}

}  // namespace skep::cli
