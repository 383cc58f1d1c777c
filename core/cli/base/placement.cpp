#include "core/cli/base/placement.hpp"

#include <boost/json.hpp>
#include <set>

#include "core/base/text.hpp"

namespace skep::cli {
namespace {

/// "warning: no WHAT "word"; known WORDS: a, b; did you mean "a"?"
std::string nobody(const std::string& what, const std::string& words, const std::string& word,
                   const std::set<std::string>& there) {
  const std::vector<std::string> known(there.begin(), there.end());
  const std::string near = nearest(word, known);
  return "warning: no " + what + " \"" + word + "\"; known " + words + ": " +
         (known.empty() ? "none" : join(known, ", ")) +
         (near.empty() ? "" : "; did you mean \"" + near + "\"?");
}

}  // namespace

void warn_of_empty_sites(const Invocation& call, Client& api,
                         const std::vector<std::string>& sites) {
  std::vector<std::string> empty;
  for (const std::string& site : sites) {
    const auto there = api.get(with_query("/api/workers", {{"site", site}}));
    if (!there) return;
    if (items_of(*there).empty()) empty.push_back(site);
  }
  if (empty.empty()) return;
  const auto workers = api.get("/api/workers");
  if (!workers) return;
  std::set<std::string> found;
  for (const json::object* worker : items_of(*workers)) found.insert(get_string(*worker, "site"));
  for (const std::string& site : empty)
    call.console.note(nobody("worker at site", "sites", site, found));
}

void warn_of_unknown_worker(const Invocation& call, Client& api, const std::string& id) {
  const auto worker = api.get("/api/workers/" + encode_part(id));
  if (!worker && worker.error().error.code == Code::kNotFound)
    call.console.note("warning: " + worker.error().error.message);
}

void warn_of_unknown_type(const Invocation& call, Client& api, const std::string& type) {
  const auto types = api.list("/api/task-types");
  if (!types) return;
  std::set<std::string> found;
  for (const json::object* known : items_of(*types)) found.insert(get_string(*known, "name"));
  if (!found.contains(type)) call.console.note(nobody("task type", "types", type, found));
}

void warn_of_unknown_capabilities(const Invocation& call, Client& api,
                                  const std::vector<std::string>& wanted) {
  const auto workers = api.get("/api/workers");
  if (!workers) return;
  std::set<std::string> found;
  for (const json::object* worker : items_of(*workers))
    if (const json::value* has = worker->if_contains("capabilities"); has && has->is_object())
      for (const auto& [name, on] : has->get_object())
        if (on.is_bool() && on.get_bool()) found.insert(name);
  for (const std::string& name : wanted)
    if (!found.contains(name))
      call.console.note(nobody("worker has capability", "capabilities", name, found));
}

}  // namespace skep::cli
