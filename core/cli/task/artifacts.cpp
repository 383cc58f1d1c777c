// skep task artifacts
#include <unistd.h>

#include <boost/json.hpp>
#include <ostream>

#include "core/base/text.hpp"
#include "core/cli/base/follow.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/task_id.hpp"
#include "core/cli/base/task_view.hpp"
#include "core/cli/task/transfer.hpp"
#include "core/cli/task/verbs.hpp"

namespace skep::cli {
namespace {

std::vector<Column> artifact_columns(WallMs now) {
  return {text_column("NAME", "name", false, Fit::kCut),
          {"SIZE", [](const json::object& a) { return human_bytes(get_int(a, "size")); }},
          text_column("TYPE", "media_type"),
          {"ATTEMPT", [](const json::object& a) { return std::to_string(get_int(a, "attempt")); }},
          {"AGE",
           [now](const json::object& a) { return human_age(get_string(a, "received_at"), now); }},
          {"HERE",
           [](const json::object& a) {
             return get_bool(a, "available") ? Cell("yes") : Cell("no", Style::kBad);
           }},
          text_column("SHA256", "sha256", true)};
}

Expected<int> save(Invocation& call, Client& api, const std::string& id, const json::value& all) {
  const std::string name = call.args.get("NAME");
  std::vector<std::string> names;
  const json::object* found = nullptr;
  for (const json::object* a : items_of(all)) {
    names.push_back(get_string(*a, "name"));
    if (found == nullptr && names.back() == name) found = a;
  }
  if (found == nullptr) {
    Error missing = not_found("artifact", name).named("unknown-artifact");
    missing.message += names.empty() ? "; the task has none" : "; " + suggestion(name, names);
    return Failure(std::move(missing).with_next("skep task artifacts " + id));
  }
  Download what{task_path(id, "/artifacts/" + encode_part(name)), get_string(*found, "sha256"),
                get_int(*found, "size"), call.args.get("to", name)};
  if (!call.args.has("to") && ::access(name.c_str(), F_OK) == 0)
    return Failure(usage_error("file \"" + name + "\" is there already",
                               "skep task artifacts " + id + " " + name + " --to FILE"));
  const auto done = download(call, api, what);
  if (!done) return done.error();
  if (what.file != "-" && call.for_people())
    call.console.out << printable(what.file) << "  " << human_bytes(what.size) << "  sha256 "
                     << what.sha256 << '\n';
  return 0;
}

Expected<int> artifacts(Invocation& call) {
  auto api = call.api();
  if (!api) return api.error();
  const auto id = task_id_of(call, **api, call.args.get("ID"));
  if (!id) return id.error();
  const auto all = (*api)->list(task_path(*id, "/artifacts"));
  if (!all) return all.error();
  if (call.args.has("NAME")) return save(call, **api, *id, *all);
  print_list(call.console, call.format, *all, artifact_columns(call.console.now_ms()), "name",
             "task " + *id + " has left no artifacts");
  if (call.for_people() && !items_of(*all).empty())
    call.console.note("next: skep task artifacts " + *id + " NAME to save one");
  return 0;
}

}  // namespace

Command artifacts_command() {
  Command c{"task artifacts", "list what a task left beside its result, or save one"};
  c.positionals = {{"ID", "task id, its beginning, or @last: the last one submitted from here"},
                   {"NAME", "save this one", false}};
  c.options = {{"to", 0, "FILE", "where NAME goes; - is standard output (./NAME)"}};
  c.notes =
      "A cut connection is taken up where it ended, by the same command too. A file that is there "
      "already is replaced with --to alone.";
  c.examples = {"skep task artifacts @last", "skep task artifacts @last report.csv",
                "skep task artifacts 0198c2d4 dump.tar.gz --to - | tar tz"};
  c.run = artifacts;
  return c;
}

}  // namespace skep::cli
