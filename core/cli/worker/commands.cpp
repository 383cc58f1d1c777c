// skep worker list, show, pause, resume, drain, remove
#include "core/cli/worker/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <ostream>

#include "core/cli/base/format.hpp"
#include "core/cli/base/invocation.hpp"
#include "core/cli/base/placement.hpp"
#include "core/cli/base/worker_view.hpp"

namespace skep::cli {
namespace {

constexpr std::size_t kShown = 5;

std::string worker_path(const std::string& id, std::string_view rest = {}) {
  return "/api/workers/" + encode_part(id) + std::string(rest);
}

Expected<int> list(Invocation& call) {
  auto api = call.api();
  if (!api) return api.error();
  auto workers = (*api)->list(with_query("/api/workers", {{"site", call.args.get("site")}}));
  if (!workers) return workers.error();
  print_list(call.console, call.format, *workers, worker_columns(call.console.now_ms()),
             "worker_id", "no workers; next: skep up   or   skep start -c worker.toml");
  const auto items = items_of(*workers);
  if (call.for_people() && !items.empty()) call.console.note(worker_totals(items));
  if (call.for_people() && items.empty() && call.args.has("site"))
    warn_of_empty_sites(call, **api, {call.args.get("site")});
  return 0;
}

/// The id that begins with `word`, when no worker is called `word` and one alone begins so; else
/// `unknown`, the control plane's own word.
Expected<std::string> id_beginning(Client& api, const std::string& word, const Failure& unknown) {
  if (unknown.error.code != Code::kNotFound) return unknown;
  const auto workers = api.get("/api/workers");
  if (!workers) return unknown;
  std::vector<std::string> ids;
  for (const json::object* w : items_of(*workers))
    if (get_string(*w, "worker_id").starts_with(word)) ids.push_back(get_string(*w, "worker_id"));
  if (ids.empty()) return unknown;
  if (ids.size() == 1) return ids.front();
  if (ids.size() > kShown) ids.resize(kShown);
  return Failure{
      usage_error("\"" + word + "\" begins the ids of several workers", "give more of the id")
          .named("ambiguous-id"),
      {},
      std::move(ids)};
}

/// What `ask` says of the worker that `word` means.
Expected<json::value> of_worker(
    Client& api, std::string& word,
    const std::function<Expected<json::value>(const std::string& id)>& ask) {
  auto answer = ask(word);
  if (answer) return answer;
  auto id = id_beginning(api, word, answer.error());
  if (!id) return id.error();
  word = std::move(*id);
  return ask(word);
}

Expected<int> show(Invocation& call) {
  auto api = call.api();
  if (!api) return api.error();
  std::string id = call.args.get("ID");
  const auto worker = of_worker(
      **api, id, [&](const std::string& whole) { return (*api)->get(worker_path(whole)); });
  if (!worker) return worker.error();
  if (!print_document(call.console, call.format, *worker, "worker_id"))
    print_worker(call.console, worker->get_object());
  return 0;
}

constexpr std::string_view kRemove = "remove";

/// Every id is tried; the first failure is returned after all.
Expected<int> act(Invocation& call, const std::string& verb) {
  auto api = call.api();
  if (!api) return api.error();
  std::optional<Failure> first;
  for (std::string id : call.args.all("ID")) {
    const auto answer = of_worker(**api, id, [&](const std::string& whole) {
      return verb == kRemove ? (*api)->remove(worker_path(whole))
                             : (*api)->post(worker_path(whole, "/" + verb));
    });
    if (!answer) {
      if (first) print_failure(call.console, *first);
      first = answer.error();
      continue;
    }
    if (print_document(call.console, call.format, *answer, "worker_id")) continue;
    const std::string_view what = verb == kRemove ? "status" : "mode";
    const std::string mode = get_string(answer->get_object(), what);
    call.console.out << "worker " << printable(id) << ' ' << printable(mode.empty() ? verb : mode)
                     << '\n';
  }
  if (first) return *first;
  return 0;
}

Command with_ids(const std::string& verb, std::string summary) {
  Command c{"worker " + verb, std::move(summary)};
  c.positionals = {{"ID", "worker id, or its beginning", true, {}, true}};
  c.run = [verb](Invocation& call) { return act(call, verb); };
  return c;
}

}  // namespace

std::vector<Command> worker_commands() {
  Command all{"worker list", "list workers"};
  all.options = {{"site", 0, "SITE", "only this site"}};
  all.run = list;
  Command one{"worker show", "show one worker"};
  one.positionals = {{"ID", "worker id, or its beginning"}};
  one.run = show;
  return {std::move(all),
          std::move(one),
          with_ids("pause", "stop claiming; running tasks go on"),
          with_ids("resume", "claim again"),
          with_ids("drain", "finish what runs and claim nothing more"),
          with_ids(std::string(kRemove), "forget a worker that is gone")};
}

}  // namespace skep::cli
