#include "core/app/node_api.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include "core/app/node_metrics.hpp"
#include "core/app/plugin_json.hpp"
#include "core/base/events.hpp"
#include "core/base/json.hpp"
#include "core/base/version.hpp"
#include "core/config/show.hpp"
#include "core/control/routes/routes.hpp"

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
  const std::scoped_lock lock(scripts_mutex_);
  scripts_ = std::move(scripts);
}

std::vector<net::Route> NodeApi::routes() {
  using net::Access;
  using Handler = std::function<Response(const Request&)>;
  const auto checked = [](Handler handler, std::vector<std::string_view> query = {}) -> Handler {
    return [handler = std::move(handler), query = std::move(query)](const Request& r) {
      const Status known = control::known_query(r, query);
      return known ? handler(r) : Response::problem(known.error());
    };
  };
  const auto call = [&](Response (NodeApi::*method)(const Request&)) {
    return checked([this, method](const Request& r) { return (this->*method)(r); });
  };
  const auto read = [&](Response (NodeApi::*method)(const Request&) const) {
    return checked([this, method](const Request& r) { return (this->*method)(r); });
  };
  const Handler events =
      checked([this](const Request& r) { return events_.open(r); }, {"since", "follow"});
  const auto row = [](std::string_view method, std::string_view path, std::string_view summary,
                      Handler handler) {
    const std::size_t body = method == "POST" ? net::kOptionalBody : 0;
    return net::Route{method, path, Access::kOperator, body, summary, std::move(handler)};
  };
  return {
      row("GET", "/api/node", "This node: roles, version, what waits for a restart.",
          read(&NodeApi::node)),
      row("GET", "/api/node/plugins", "Its plugins with their generations.",
          read(&NodeApi::plugins)),
      row("POST", "/api/node/plugins/{id}/reload",
          "Bring the newest file of a plugin into service.",
          checked([this](const Request& r) { return reload_plugin(r); }, {"force"})),
      row("GET", "/api/node/scripts", "Its scripts with their generations.",
          read(&NodeApi::scripts)),
      row("GET", "/api/node/metrics", "Its plugins, scripts and events in Prometheus text format.",
          read(&NodeApi::metrics)),
      row("GET", "/api/node/config", "Its configuration as it runs, with origins.",
          read(&NodeApi::config)),
      row("POST", "/api/node/reload", "Read the configuration again, apply what may change live.",
          call(&NodeApi::reload)),
      row("GET", "/api/node/events", "What happens on it, as Server-Sent Events.", events),
      row("GET", "/api/events", "The same as /api/node/events.", events),
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
  const std::scoped_lock lock(scripts_mutex_);
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
