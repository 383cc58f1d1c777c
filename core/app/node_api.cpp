#include "core/app/node_api.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include "core/app/node_metrics.hpp"
#include "core/app/plugin_json.hpp"
#include "core/base/events.hpp"
#include "core/base/json.hpp"
#include "core/base/version.hpp"
#include "core/config/show.hpp"
#include "core/control/query.hpp"

namespace skep::app {
NodeApi::NodeApi(NodeFacts facts, plugin::Registry& registry, Reloader& reloader,
                 EventStreams& events)
    : facts_(std::move(facts)), registry_(registry), reloader_(reloader), events_(events) {}

void NodeApi::set_stopping() {
  WallMs never = 0;
  stopping_since_.compare_exchange_strong(never, SystemClock().wall_ms());
}

void NodeApi::set_parts(Parts parts) {
  const WriteLock lock(parts_mutex_);
  parts_ = std::move(parts);
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
  constexpr net::QueryParameter kLastEventId{"Last-Event-ID", "The same as since."};
  constexpr net::QueryParameter kKind{
      "kind", "Names of events, or beginnings with *, with commas between them."};
  constexpr net::QueryParameter kFollow{"follow", "false ends when all that is kept was sent.",
                                        R"({"type":"boolean"})"};
  const net::RouteDocuments stream{
      .response = "EventStream", .media = "text/event-stream", .headers = {kLastEventId}};
  const net::RouteDocuments readiness{.response = "Health", .others = {{"503", "Health"}}};
  const auto probe = [](std::string_view path, std::string_view summary, auto handler,
                        net::RouteDocuments documents) {
    return net::Route{"GET", path, kProbe, 0, summary, handler, std::move(documents), {}, true};
  };
  return {
      probe("/health", "Is everything well that it depends on?", read(&NodeApi::health), readiness),
      probe("/readyz", "The same as /health.", read(&NodeApi::health), readiness),
      probe("/livez", "Does the process answer?",
            [](const Request&) { return Response::json(api::encode_alive()); }, {"", "Alive"}),
      {"GET",
       "/api/node",
       kOperate,
       0,
       "This node: roles, version, what waits for a restart.",
       read(&NodeApi::node),
       {"", "Node"}},
      {"GET",
       "/api/node/plugins",
       kOperate,
       0,
       "Its plugins with their generations.",
       read(&NodeApi::plugins),
       {"", "PluginList"}},
      {"POST",
       "/api/node/plugins/{id}/reload",
       kOperate,
       net::kOptionalBody,
       "Bring the newest file of a plugin into service.",
       call(&NodeApi::reload_plugin),
       {"", "PluginReload"},
       {kForce}},
      {"GET",
       "/api/node/scripts",
       kOperate,
       0,
       "Its scripts with their generations.",
       read(&NodeApi::scripts),
       {"", "ScriptList"}},
      {"GET",
       "/api/node/metrics",
       kOperate,
       0,
       "Its plugins, scripts and events in Prometheus text format.",
       read(&NodeApi::metrics),
       {"", "Metrics", "text/plain"}},
      {"GET",
       "/api/node/config",
       kOperate,
       0,
       "Its configuration as it runs, with origins.",
       read(&NodeApi::config),
       {"", "NodeConfig"}},
      {"POST",
       "/api/node/reload",
       kOperate,
       net::kOptionalBody,
       "Read the configuration again, apply what may change live.",
       call(&NodeApi::reload),
       {"", "ReloadReport"}},
      {"GET",
       "/api/node/events",
       kOperate,
       0,
       "What happens on it, as Server-Sent Events.",
       [this](const Request& r) { return events_.open_node(r); },
       stream,
       {kSince, kFollow, kKind}},
      {"GET",
       "/api/events",
       kOperate,
       0,
       "The same, on a control plane with what it keeps of tasks, workers and releases.",
       [this](const Request& r) { return events_.open_all(r); },
       stream,
       {kSince, kFollow, kKind}},
  };
}

NodeApi::Response NodeApi::node(const Request&) const {
  api::NodeView node{facts_.id,
                     facts_.site,
                     facts_.roles,
                     std::string(kVersion),
                     ::getpid(),
                     facts_.started_at,
                     facts_.state_dir,
                     facts_.config_file,
                     urls_.get(),
                     stopping_since_ != 0,
                     views_of(reloader_.needs_restart()),
                     {},
                     api::troubles_of(checks())};
  if (const auto last = reloader_.last()) node.last_reload = view_of(*last);
  return Response::json(api::encode(node));
}

NodeApi::Response NodeApi::plugins(const Request&) const {
  return Response::json(to_text(plugin_list(registry_.list())));
}

NodeApi::Response NodeApi::reload_plugin(const Request& r) {
  const auto force = control::flag_of(r, "force");
  if (!force) return Response::problem(force.error());
  const auto done = registry_.reload(control::id_of(r), *force);
  if (!done) return Response::problem(done.error());
  return Response::json(api::encode(
      api::PluginReload{done->id, done->version, done->generation, done->sha256, done->changed}));
}

std::vector<plugin::ScriptInfo> NodeApi::script_infos() const {
  const ReadLock lock(parts_mutex_);
  return parts_.scripts ? parts_.scripts() : std::vector<plugin::ScriptInfo>{};
}

std::vector<api::Health::Check> NodeApi::checks() const {
  const ReadLock lock(parts_mutex_);
  auto all = parts_.checks ? parts_.checks() : std::vector<api::Health::Check>{};
  if (const WallMs since = stopping_since_; since != 0)
    all.push_back({"node", "it is stopping since " + to_iso(since)});
  else if (!parts_.checks)
    all.push_back({"node", "it is starting"});
  return all;
}

NodeApi::Response NodeApi::health(const Request&) const {
  const api::Health now{std::string(kVersion), checks()};
  return Response::json(api::encode(now), now.good() ? 200 : 503);
}

NodeApi::Response NodeApi::scripts(const Request&) const {
  return Response::json(to_text(script_list(script_infos())));
}

NodeApi::Response NodeApi::metrics(const Request&) const {
  return Response::metrics(
      node_metrics(checks(), registry_.list(), script_infos(), events::counts()));
}

NodeApi::Response NodeApi::config(const Request&) const {
  return Response::json(config::show_json(reloader_.running()));
}

NodeApi::Response NodeApi::reload(const Request&) {
  const ReloadReport report = reloader_.reload("api");
  if (report.result == "refused") return Response::problem(*report.error);
  return Response::json(api::encode(view_of(report)));
}

}  // namespace skep::app
