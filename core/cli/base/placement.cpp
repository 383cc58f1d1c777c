#include "core/cli/base/placement.hpp"

#include <set>

#include "core/base/text.hpp"

namespace skep::cli {
namespace {

std::string no_worker_at(const std::string& site, const std::vector<std::string>& known) {
  const std::string near = nearest(site, known);
  return "warning: no worker at site \"" + site +
         "\"; known sites: " + (known.empty() ? "none" : join(known, ", ")) +
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
  const std::vector<std::string> known(found.begin(), found.end());
  for (const std::string& site : empty) call.console.note(no_worker_at(site, known));
}

void warn_of_unknown_worker(const Invocation& call, Client& api, const std::string& id) {
  const auto worker = api.get("/api/workers/" + encode_part(id));
  if (!worker && worker.error().error.code == Code::kNotFound)
    call.console.note("warning: " + worker.error().error.message);
}

}  // namespace skep::cli
