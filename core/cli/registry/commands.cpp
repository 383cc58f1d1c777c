// skep registry list, show, rollback, promote, withdraw
#include "core/cli/registry/commands.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ostream>

#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/cli/registry/rollout_wait.hpp"
#include "core/cli/registry/verbs.hpp"

namespace skep::cli {
namespace {

const json::object& object_at(const json::object& o, std::string_view key) {
  static const json::object kNone;
  const json::value* v = o.if_contains(key);
  return v != nullptr && v->is_object() ? v->get_object() : kNone;
}

std::string list_at(const json::object& o, std::string_view key, const std::string& none) {
  std::vector<std::string> out;
  if (const json::value* v = o.if_contains(key); v != nullptr && v->is_array())
    for (const auto& word : v->get_array())
      if (word.is_string()) out.emplace_back(word.get_string());
  return out.empty() ? none : join(out, ",");
}

std::string workers_of(const json::object& release) {
  const json::object& workers = object_at(release, "workers");
  std::int64_t all = 0;
  for (const auto& [state, n] : workers) all += n.is_int64() ? n.get_int64() : 0;
  std::string out = fmt::format("{}/{}", get_int(workers, "active"), all);
  if (const auto failed = get_int(workers, "failed"); failed > 0)
    out += fmt::format(", {} failed", failed);
  return out;
}

std::string tasks_of(const json::object& release) {
  const json::object& canary = object_at(object_at(release, "tasks"), "canary");
  const auto failed = get_int(canary, "failed");
  const auto all = failed + get_int(canary, "succeeded");
  return all == 0 ? "-" : fmt::format("{}/{} failed", failed, all);
}

Cell state_cell(const json::object& o) {
  const std::string state = get_string(o, "state");
  const bool good = state == "active";
  const bool bad = state == "failed" || state == "rolled_back";
  return {state, good ? Style::kGood : bad ? Style::kBad : Style::kWarn};
}

std::vector<Column> release_columns(WallMs now, bool with_workers) {
  std::vector<Column> out{
      text_column("NAME", "name", !with_workers, Fit::kCut),
      text_column("KIND", "kind", !with_workers),
      text_column("VERSION", "version"),
      text_column("ARCH", "arch"),
      {"STATE", state_cell},
      {"SITES", [](const json::object& r) { return Cell(list_at(r, "sites", "all")); }, false,
       Fit::kCut},
      {"CANARIES", [](const json::object& r) { return Cell(list_at(r, "canaries", "-")); }, true},
      {"CANARY TASKS", [](const json::object& r) { return Cell(tasks_of(r)); }, with_workers},
      {"AGE",
       [now](const json::object& r) {
         return Cell(human_age(get_string(r, "published_at"), now));
       }},
      {"SHA256", [](const json::object& r) { return Cell(get_string(r, "sha256").substr(0, 12)); },
       with_workers},
      {"NOTE", [](const json::object& r) { return Cell(get_string(r, "reason")); }, false,
       Fit::kBelow}};
  if (with_workers)
    out.insert(out.begin() + 6,
               {"WORKERS", [](const json::object& r) { return Cell(workers_of(r)); }});
  return out;
}

Expected<int> list(Invocation& call) {
  auto api = call.api();
  if (!api) return api.error();
  const auto document = (*api)->list("/api/registry/releases");
  if (!document) return document.error();
  print_list(call.console, call.format, *document, release_columns(call.console.now_ms(), true),
             "name", "nothing is published; next: skep script publish FILE --site SITE");
  return 0;
}

/// The array `key` of a document as the list that print_list takes.
json::value list_of(const json::object& document, std::string_view key) {
  const json::value* v = document.if_contains(key);
  json::object out;
  out["items"] = v == nullptr ? json::value(json::array()) : *v;
  return out;
}

Expected<int> show(Invocation& call) {
  auto api = call.api();
  if (!api) return api.error();
  const auto document = (*api)->get(release_path(call.args.get("NAME")));
  if (!document) return document.error();
  if (print_document(call.console, call.format, *document, "name")) return 0;
  const json::object& o = document->get_object();
  print_list(call.console, call.format, list_of(o, "releases"),
             release_columns(call.console.now_ms(), false), "version", "");
  call.console.out << '\n';
  print_list(
      call.console, call.format, list_of(o, "workers"),
      {text_column("WORKER", "worker_id"),
       text_column("SITE", "site"),
       {"PRESENCE", [](const json::object& w) { return status_cell(get_string(w, "status")); }},
       text_column("MEANT TO RUN", "version"),
       {"STATE", state_cell},
       {"NOTE", [](const json::object& w) { return Cell(get_string(w, "reason")); }, false,
        Fit::kBelow}},
      "worker_id", "no worker is meant to have it");
  return 0;
}

/// Until the workers that are meant to run what is in force now do so; a worker's own [trust] may
/// refuse to go back.
Expected<int> wait_for_former(Invocation& call, Client& api, const std::string& name,
                              Millis limit) {
  const auto document = api.get(release_path(name));
  if (!document) return document.error();
  for (const json::object* r : objects_of(document->get_object(), "releases"))
    if (get_string(*r, "state") == "active")
      return exit_with_rollout(api, call.console, name, get_int(*r, "release"), limit);
  return 0;
}

/// Nobody knows whether a request without an answer did its work.
Failure unanswered(Failure failure, const std::string& verb, const std::string& name) {
  Error& error = failure.error;
  const bool open = error.code == Code::kCancelled || error.code == Code::kDeadline;
  if (!open || !failure.problem.empty()) return failure;
  error.message += "; the " + verb + " of " + name + " may have happened";
  error.next = "skep registry show " + shell_word(name);
  return failure;
}

Expected<int> change(Invocation& call, const std::string& verb) {
  const std::string name = call.args.get("NAME");
  const auto limit = call.args.duration("wait-timeout", Millis{60'000});
  if (!limit) return limit.error();
  auto api = call.api();
  if (!api) return api.error();
  std::string body;
  if (call.args.has("reason"))
    body = json::serialize(json::object{{"reason", call.args.get("reason")}});
  catch_interrupts();
  const auto changed = verb == "withdraw" ? (*api)->remove(release_path(name))
                                          : (*api)->post(release_path(name, "/" + verb), body);
  if (!changed) return unanswered(changed.error(), verb, name);
  if (print_document(call.console, call.format, *changed, "name")) return 0;
  for (const json::object* r : items_of(*changed))
    call.console.out << fmt::format(
        "{} {} ({}) {}\n", printable(get_string(*r, "name")), printable(get_string(*r, "version")),
        printable(get_string(*r, "arch")), printable(get_string(*r, "state")));
  if (call.args.has("wait")) return wait_for_former(call, **api, name, *limit);
  call.console.note("  next:  skep registry show " + shell_word(name));
  return 0;
}

Command with_name(const std::string& verb, std::string summary) {
  Command c{"registry " + verb, std::move(summary)};
  c.positionals = {{"NAME", "release: a script's or a plugin's name"}};
  c.run = [verb](Invocation& call) { return change(call, verb); };
  return c;
}

}  // namespace

std::vector<Command> registry_commands() {
  Command all{"registry list", "list what is published and in force"};
  all.run = list;
  Command one{"registry show", "show the releases of a name and how far each worker is"};
  one.positionals = {{"NAME", "release: a script's or a plugin's name"}};
  one.run = show;
  Command back = with_name("rollback", "take the newest release back; the one before serves again");
  back.options = {
      {"reason", 0, "TEXT", "kept with the release"},
      {"wait", 'w', "", "until every online worker that it is meant for runs the one before"},
      {"wait-timeout", 0, "TIME", "with --wait: give up waiting after this long (1m)"}};
  back.notes =
      "A worker whose plugins.lock has a min_version above the one before stays on what it has and "
      "says so: going back there is its operator's act, skep plugin lock -c CONFIG "
      "--allow-rollback on that machine; the worker then goes back by itself. Exit code 9 with "
      "--wait: a worker cannot run it; 7: not everybody ran it in time.";
  std::vector<Command> out = publish_commands();
  for (Command& c :
       std::vector<Command>{std::move(all), std::move(one), std::move(back),
                            with_name("promote", "give a canary to every worker it is meant for"),
                            with_name("withdraw", "take a release from every worker")})
    out.push_back(std::move(c));
  return out;
}

}  // namespace skep::cli
