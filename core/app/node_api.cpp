#include "core/app/node_api.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include "core/app/node_metrics.hpp"
#include "core/app/plugin_json.hpp"
#include "core/base/events.hpp"
#include "core/base/json.hpp"
#include "core/base/version.hpp"
#include "core/config/show.hpp"

namespace skep::app {
namespace {

void write_list(JsonOut& out, std::string_view name, const std::vector<std::string>& items) {
  out.key(name).array();
  for (const std::string& item : items) out.str(item);
  out.end_array();
}

}  // namespace

NodeApi::NodeApi(NodeFacts facts, plugin::Registry& registry, Reloader& reloader,
                 EventStreams& events)
    : facts_(std::move(facts)), registry_(registry), reloader_(reloader), events_(events) {}

void NodeApi::set_scripts(Scripts scripts) {
  const MutexLock lock(scripts_mutex_);
  scripts_ = std::move(scripts);
}

std::vector<net::Route> NodeApi::routes() {
  using enum net::Right;
  const auto call = [&](Response (NodeApi::*method)(const Request&)) {
    return [this, method](const Request& r) { return (this->*method)(r); };
  };
  const auto read = [&](Response (NodeApi::*method)(const Request&) const) {
    return [this, method](const Request& r) { return (this->*method)(r); };
  };
  constexpr net::QueryParameter kForce{"force", "Also a file that is in quarantine.",
                                       R"({"type":"boolean"})"};
  constexpr net::QueryParameter kSince{"since", "The id of the last event that is known."};
  constexpr net::QueryParameter kKind{
      "kind", "Names of events, or beginnings with *, with commas between them."};
  constexpr net::QueryParameter kFollow{"follow", "false ends when all that is kept was sent.",
                                        R"({"type":"boolean"})"};
  return {
      {"GET", "/api/node", kOperate, 0, "This node: roles, version, what waits for a restart.",
       read(&NodeApi::node)},
      {"GET", "/api/node/plugins", kOperate, 0, "Its plugins with their generations.",
       read(&NodeApi::plugins)},
      {"POST",
       "/api/node/plugins/{id}/reload",
       kOperate,
       net::kOptionalBody,
       "Bring the newest file of a plugin into service.",
       call(&NodeApi::reload_plugin),
       {kForce}},
      {"GET", "/api/node/scripts", kOperate, 0, "Its scripts with their generations.",
       read(&NodeApi::scripts)},
      {"GET", "/api/node/metrics", kOperate, 0,
       "Its plugins, scripts and events in Prometheus text format.", read(&NodeApi::metrics)},
      {"GET", "/api/node/config", kOperate, 0, "Its configuration as it runs, with origins.",
       read(&NodeApi::config)},
      {"POST", "/api/node/reload", kOperate, net::kOptionalBody,
       "Read the configuration again, apply what may change live.", call(&NodeApi::reload)},
      {"GET",
       "/api/node/events",
       kOperate,
       0,
       "What happens on it, as Server-Sent Events.",
       [this](const Request& r) { return events_.open_node(r); },
       {kSince, kFollow, kKind}},
      {"GET",
       "/api/events",
       kOperate,
       0,
       "The same, on a control plane with what it keeps of tasks, workers and artifacts.",
       [this](const Request& r) { return events_.open_all(r); },
       {kSince, kFollow, kKind}},
  };
}

NodeApi::Response NodeApi::node(const Request&) const {
  const std::vector<std::string> urls = urls_.get();
  JsonOut out;
  out.object().key("id").str(facts_.id).key("site").str(facts_.site);
  write_list(out, "roles", facts_.roles);
  out.key("state").str(urls.empty() ? "starting" : "running");
  out.key("version").str(kVersion).key("pid").integer(::getpid());
  out.key("started_at").time_or_null(facts_.started_at);
  out.key("state_dir").str(facts_.state_dir).key("config_file").str(facts_.config_file);
  write_list(out, "urls", urls);
  write_changes(out, "needs_restart", reloader_.needs_restart());
  out.key("last_reload");
  if (const auto last = reloader_.last())
    out.raw(to_json(*last));
  else
    out.null();
  return Response::json(out.end_object().take());
}

NodeApi::Response NodeApi::plugins(const Request&) const {
  return Response::json(to_text(plugin_list(registry_.list())));
}

NodeApi::Response NodeApi::reload_plugin(const Request& r) {
  const auto force = r.query.find("force");
  if (force != r.query.end() && force->second != "true" && force->second != "false")
    return Response::problem(
        invalid("force is \"" + force->second + "\"; expected true or false").named("bad-query"));
  const auto done =
      registry_.reload(r.params.at("id"), force != r.query.end() && force->second == "true");
  if (!done) return Response::problem(done.error());
  JsonOut out;
  out.object().key("id").str(done->id).key("version").str(done->version);
  out.key("generation").integer(static_cast<std::int64_t>(done->generation));
  out.key("sha256").str(done->sha256).key("changed").boolean(done->changed).end_object();
  return Response::json(out.take());
}

std::vector<plugin::ScriptInfo> NodeApi::script_infos() const {
  const MutexLock lock(scripts_mutex_);
  return scripts_ ? scripts_() : std::vector<plugin::ScriptInfo>{};
}

NodeApi::Response NodeApi::scripts(const Request&) const {
  return Response::json(to_text(script_list(script_infos())));
}

NodeApi::Response NodeApi::metrics(const Request&) const {
  return Response::metrics(node_metrics(registry_.list(), script_infos(), events::counts()));
}

NodeApi::Response NodeApi::config(const Request&) const {
  return Response::json(config::show_json(reloader_.running()));
}

NodeApi::Response NodeApi::reload(const Request&) {
  const ReloadReport report = reloader_.reload("api");
  if (report.result == "refused") return Response::problem(*report.error);
  return Response::json(to_json(report));
}

}  // namespace skep::app
