// skep registry list, show, rollback, promote, withdraw
#include <fmt/format.h>

#include <boost/json.hpp>
#include <ostream>

#include "core/base/text.hpp"
#include "core/cli/format.hpp"
#include "core/cli/interrupt.hpp"
#include "core/cli/rollout_wait.hpp"

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

std::function<Cell(const json::object&)> text_of(std::string key) {
  return [key = std::move(key)](const json::object& o) {
    const std::string value = get_string(o, key);
    return Cell(value.empty() ? "-" : value);
  };
}

std::vector<Column> release_columns(WallMs now, bool with_workers) {
  std::vector<Column> out{
      {"NAME", text_of("name"), !with_workers},
      {"KIND", text_of("kind"), !with_workers},
      {"VERSION", text_of("version")},
      {"ARCH", text_of("arch")},
      {"STATE", state_cell},
      {"SITES", [](const json::object& r) { return Cell(list_at(r, "sites", "all")); }},
      {"CANARIES", [](const json::object& r) { return Cell(list_at(r, "canaries", "-")); }, true},
      {"CANARY TASKS", [](const json::object& r) { return Cell(tasks_of(r)); }, with_workers},
      {"AGE",
       [now](const json::object& r) {
         return Cell(human_age(get_string(r, "published_at"), now));
       }},
      {"SHA256", [](const json::object& r) { return Cell(get_string(r, "sha256").substr(0, 12)); }},
      {"NOTE", [](const json::object& r) { return Cell(get_string(r, "reason")); }}};
  if (with_workers)
    out.insert(out.begin() + 6,
               {"WORKERS", [](const json::object& r) { return Cell(workers_of(r)); }});
  return out;
}

Outcome<int> list_artifacts(Session& s) {
  auto api = s.api();
  if (!api) return api.error();
  const auto document = (*api)->get("/api/registry/artifacts");
  if (!document) return document.error();
  print_list(s.console, s.format, *document, release_columns(s.console.now_ms(), true), "name",
             "nothing is published; next: skep script publish FILE --site SITE");
  return 0;
}

/// The array `key` of a document as the list that print_list takes.
json::value list_of(const json::object& document, std::string_view key) {
  const json::value* v = document.if_contains(key);
  json::object out;
  out["items"] = v == nullptr ? json::value(json::array()) : *v;
  return out;
}

Outcome<int> show_artifact(Session& s) {
  auto api = s.api();
  if (!api) return api.error();
  const auto document = (*api)->get(artifact_path(s.args.get("NAME")));
  if (!document) return document.error();
  if (!document->is_object())
    return Failure(Error{Code::kCorrupt, "the artifact is no JSON object"});
  if (print_document(s.console, s.format, *document, "name")) return 0;
  const json::object& o = document->get_object();
  print_list(s.console, s.format, list_of(o, "releases"),
             release_columns(s.console.now_ms(), false), "version", "");
  s.console.out << '\n';
  print_list(
      s.console, s.format, list_of(o, "workers"),
      {{"WORKER", text_of("worker_id")},
       {"SITE", text_of("site")},
       {"PRESENCE", [](const json::object& w) { return status_cell(get_string(w, "status")); }},
       {"MEANT TO RUN", text_of("version")},
       {"STATE", state_cell},
       {"NOTE", [](const json::object& w) { return Cell(get_string(w, "reason")); }}},
      "worker_id", "no worker is meant to have it");
  return 0;
}

Outcome<int> change(Session& s, const std::string& verb) {
  const std::string name = s.args.get("NAME");
  auto api = s.api();
  if (!api) return api.error();
  std::string body;
  if (s.args.has("reason")) body = json::serialize(json::object{{"reason", s.args.get("reason")}});
  const auto changed = verb == "withdraw" ? (*api)->remove(artifact_path(name))
                                          : (*api)->post(artifact_path(name, "/" + verb), body);
  if (!changed) return changed.error();
  if (print_document(s.console, s.format, *changed, "name")) return 0;
  for (const json::object* r : items_of(*changed))
    s.console.out << fmt::format(
        "{} {} ({}) {}\n", printable(get_string(*r, "name")), printable(get_string(*r, "version")),
        printable(get_string(*r, "arch")), printable(get_string(*r, "state")));
  s.console.note("  next:  skep registry show " + name);
  return 0;
}

Command with_name(const std::string& verb, std::string summary) {
  Command c{"registry " + verb, std::move(summary)};
  c.positionals = {{"NAME", "artifact: a script's or a plugin's name"}};
  c.run = [verb](Session& s) { return change(s, verb); };
  return c;
}

}  // namespace

std::vector<Command> registry_commands() {
  Command all{"registry list", "list what is published and in force"};
  all.run = list_artifacts;
  Command one{"registry show", "show an artifact's releases and how far each worker is"};
  one.positionals = {{"NAME", "artifact: a script's or a plugin's name"}};
  one.run = show_artifact;
  Command back = with_name("rollback", "take the newest release back; the one before serves again");
  back.options = {{"reason", 0, "TEXT", "kept with the release"}};
  return {std::move(all), std::move(one), std::move(back),
          with_name("promote", "give a canary to every worker it is meant for"),
          with_name("withdraw", "take an artifact from every worker")};
}

}  // namespace skep::cli
