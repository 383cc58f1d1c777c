#include "core/plugin/compat.hpp"

#include <algorithm>

#include "core/base/text.hpp"
#include "core/plugin/kinds.hpp"
#include "skep/svc/artifact.h"
#include "skep/svc/http.h"
#include "skep/svc/kv.h"
#include "skep/svc/log.h"
#include "skep/svc/metric.h"
#include "skep/svc/node.h"
#include "skep/svc/process.h"
#include "skep/svc/secret.h"
#include "skep/svc/task.h"

namespace skep::plugin {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// "skep.kind.task/1" -> {"skep.kind.task", "/1"}; without a slash the second part is empty.
std::pair<std::string, std::string> name_and_major(std::string_view id) {
  const std::size_t slash = std::min(id.rfind('/'), id.size());
  return {std::string(id.substr(0, slash)), std::string(id.substr(slash))};
}

/// The majors of `name` that the host has: "/1 /2", or "-".
std::string majors_of(const std::string& name, const std::vector<std::string>& offered) {
  std::vector<std::string> majors;
  for (const std::string& id : offered)
    if (const auto [n, major] = name_and_major(id); n == name) majors.push_back(major);
  return majors.empty() ? "-" : join(majors, " ");
}

std::string missing(std::string_view what, const std::string& name, const std::string& majors,
                    const std::vector<std::string>& offered) {
  if (majors != "-") return "missing  <- rebuild the plugin with this host's SDK, or upgrade skep";
  std::vector<std::string> names;
  for (const std::string& id : offered)
    if (std::string name_only = name_and_major(id).first; !contains(names, name_only))
      names.push_back(std::move(name_only));
  const bool near = !nearest(name, names).empty();
  return "missing  <- this host has no such " + std::string(what) + "; " + suggestion(name, names) +
         (near ? "" : "; upgrade skep, or ask for a build that does without");
}

CompatRow interface_row(std::string_view what, const std::string& id,
                        const std::vector<std::string>& offered) {
  const auto [name, major] = name_and_major(id);
  const std::string majors = majors_of(name, offered);
  return {name, major, majors, contains(offered, id) ? "ok" : missing(what, name, majors, offered)};
}

CompatRow abi_row(const Manifest& m, const HostAbi& host) {
  const std::string ours = "skep/" + std::to_string(host.major);
  CompatRow row{"abi", m.abi + " minor " + std::to_string(m.min_minor),
                ours + " minor " + std::to_string(host.minor), "ok"};
  if (m.abi != ours)
    row.verdict = "another ABI  <- rebuild the plugin with the SDK of " + ours;
  else if (m.min_minor > host.minor)
    row.verdict = "plugin needs a newer host  <- upgrade skep, or build with an older SDK";
  return row;
}

}  // namespace

const HostAbi& host_abi() {
  static const HostAbi host = [] {
    HostAbi h{SKEP_ABI_MAJOR,
              SKEP_ABI_MINOR,
              {},
              {SKEP_SVC_ARTIFACT, SKEP_SVC_HTTP, SKEP_SVC_KV, SKEP_SVC_LOG, SKEP_SVC_METRIC,
               SKEP_SVC_NODE, SKEP_SVC_PROCESS, SKEP_SVC_SECRET, SKEP_SVC_TASK}};
    for (const Kind& kind : kinds()) h.kinds.emplace_back(kind.id);
    return h;
  }();
  return host;
}

bool Compat::ok() const {
  return std::all_of(rows.begin(), rows.end(),
                     [](const CompatRow& r) { return r.verdict == "ok"; });
}

std::string Compat::table(const Manifest& manifest, std::string_view sha256) const {
  std::vector<std::vector<std::string>> lines{{"field", "plugin", "host", "verdict"}};
  for (const CompatRow& r : rows) lines.push_back({r.field, r.plugin, r.host, r.verdict});
  return "plugin " + manifest.id + " " + manifest.version + " (sha256 " +
         std::string(sha256.substr(0, 12)) + ") " +
         (ok() ? "fits this host" : "refused: it does not fit this host") + aligned(lines);
}

Compat check_compat(const Manifest& manifest, const HostAbi& host) {
  Compat out;
  out.rows.push_back(abi_row(manifest, host));
  std::vector<std::string> seen;
  const auto add = [&](std::string_view what, const std::string& id,
                       const std::vector<std::string>& offered) {
    if (contains(seen, id)) return;
    seen.push_back(id);
    out.rows.push_back(interface_row(what, id, offered));
  };
  for (const ManifestComponent& c : manifest.components) add("kind", c.kind, host.kinds);
  for (const ManifestComponent& c : manifest.components)
    for (const std::string& id : c.required_services) add("service", id, host.services);
  return out;
}

Status check_fit(const Manifest& manifest, std::string_view sha256, const HostAbi& host) {
  const Compat compat = check_compat(manifest, host);
  if (compat.ok()) return {};
  return Error{Code::kInvalid, compat.table(manifest, sha256), "incompatible-plugin",
               "skep version"};
}

}  // namespace skep::plugin
