#include "core/app/control_role.hpp"

#include <algorithm>
#include <fstream>
#include <functional>

#include "core/api/documents.hpp"
#include "core/app/node_files.hpp"
#include "core/app/open_error.hpp"
#include "core/app/open_files.hpp"
#include "core/app/release_inspector.hpp"
#include "core/base/folder_probe.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/base/version.hpp"
#include "core/control/events/events.hpp"
#include "core/control/fleet/fleet.hpp"
#include "core/control/tasks/tasks.hpp"
#include "core/control/workers/workers.hpp"

namespace skep::app {
namespace {

/// The route table with the one document that describes it.
std::vector<net::Route> with_openapi(std::vector<net::Route> routes) {
  auto document = std::make_shared<std::string>();
  routes.push_back(
      {"GET",
       "/openapi.json",
       net::Right::kOperate,
       0,
       "This document.",
       [document](const net::HttpRequest&) { return net::HttpResponse::json(*document); },
       {"", "OpenApi"}});
  *document = net::Router(routes).openapi(kVersion, api::schemas());
  return routes;
}

/// STATE/endpoints: the served URLs, one a line, for people and scripts that asked for port 0.
Status write_endpoints(const std::string& path, const std::vector<std::string>& urls) {
  const std::string temp = path + ".tmp";
  std::ofstream out(temp, std::ios::trunc);
  for (const std::string& url : urls) out << url << "\n";
  out.close();
  if (!out || std::rename(temp.c_str(), path.c_str()) != 0)
    return errno_error("write " + path, errno);
  return {};
}

std::size_t max_connections(const config::Config& config) {
  constexpr std::size_t kForTheNode = 256;
  constexpr int kForEachTask = 8;
  const int tasks = config.is_worker() ? config.worker.concurrency : 0;
  const auto wanted = static_cast<std::size_t>(config.http.max_connections);
  const std::size_t files = raise_open_files();
  const std::size_t fit = connections_within(
      wanted, files, kForTheNode + static_cast<std::size_t>(kForEachTask * tasks));
  if (fit < wanted)
    log::warn("http_connections_limited",
              {{"max_connections", wanted}, {"allowed", fit}, {"open_files", files}});
  return fit;
}

/// Who, beside the operator, has a token: workers, and those who may become one.
std::function<net::Caller(std::string_view)> workers_by(control::WorkerCredentials& credentials,
                                                        std::string join_token,
                                                        std::string own_join_token) {
  return [&credentials, join_token = std::move(join_token),
          own = std::move(own_join_token)](std::string_view bearer) -> net::Caller {
    using enum net::Caller::Kind;
    using enum net::Right;
    if (net::same_secret(bearer, join_token)) return {kNewcomer, "join token", kJoin};
    if (net::same_secret(bearer, own)) return {kOperator, "this node", kJoin};
    if (std::string worker = credentials.worker_of(bearer); !worker.empty())
      return {kWorker, std::move(worker), kWork | kJoin};
    return {};
  };
}

}  // namespace

Result<std::unique_ptr<ControlRole>> ControlRole::start(const config::Config& config,
                                                        plugin::Registry& registry,
                                                        plugin::Admission admission, Clock& clock,
                                                        EventStreams& events,
                                                        std::vector<net::Route> node_routes,
                                                        std::string own_join_token) {
  std::unique_ptr<ControlRole> role(new ControlRole);
  const std::string& state = config.node.state_dir;
  const auto queue_table =
      component_table(registry.list(), DatabaseKind::kQueue, config.queue, state);
  auto queue = registry.queue(config.queue.plugin, queue_table);
  if (!queue) return open_error("queue", queue_table, queue.error());
  role->queue_ = std::move(*queue);
  const auto store_table =
      component_table(registry.list(), DatabaseKind::kStore, config.store, state);
  auto store = registry.store(config.store.plugin, store_table);
  if (!store) return open_error("store", store_table, store.error());
  role->store_ = std::move(*store);

  role->control_ = std::make_unique<control::Control>(*role->queue_, *role->store_, clock, config,
                                                      registry.task_types());
  role->control_->feature<control::Fleet>().registry.inspect_with(
      release_inspector(registry, std::move(admission), config));
  role->control_->also_probe("state_dir",
                             [folder = std::make_shared<FolderProbe>(state, clock)]() -> Status {
                               const std::string trouble = folder->trouble();
                               return trouble.empty() ? Status{} : Status{unavailable(trouble)};
                             });
  SKEP_TRY(role->control_->start());
  events.attach(role->control_->feature<control::Events>().feed);

  net::ServerOptions options;
  options.listen = config.http.listen;
  options.threads = static_cast<std::size_t>(config.http.threads);
  options.max_connections = max_connections(config);
  options.max_per_address = static_cast<std::size_t>(config.http.max_per_address);
  options.body_memory = static_cast<std::size_t>(config.http.body_memory_mb) << 20;
  auto token = read_token(config.http.token_file);
  if (!token) return token.error().within("[http] token_file");
  auto join_token = read_token(config.http.join_token_file);
  if (!join_token) return join_token.error().within("[http] join_token_file");
  options.callers = {std::move(*token), config.http.trust_local_uid,
                     workers_by(role->control_->feature<control::Workers>().credentials,
                                *join_token, std::move(own_join_token)),
                     !join_token->empty(), config.http.open_probes};
  options.on_request = [control = role->control_.get()](std::string_view method,
                                                        std::string_view route, int status,
                                                        Millis took) {
    control->http_metrics().count(method, route, status, took);
  };
  std::vector<net::Route> routes = role->control_->routes();
  routes.insert(routes.end(), std::make_move_iterator(node_routes.begin()),
                std::make_move_iterator(node_routes.end()));
  role->server_ = std::make_unique<net::HttpServer>(std::move(options),
                                                    net::Router(with_openapi(std::move(routes))));
  SKEP_TRY(role->server_->start());
  // For scripts that asked for port 0; a full disk must not keep the control plane down.
  if (const auto written = write_endpoints(state + "/endpoints", role->urls()); !written)
    log::warn("endpoints_not_written", {{"error", written.error().message}});
  log::info("control_plane_started", {{"listen", join(role->urls(), " ")},
                                      {"database", config.store.plugin},
                                      {"queue", config.queue.plugin},
                                      {"task_types", registry.task_types().size()}});
  return role;
}

void ControlRole::apply(const config::Config& config) { control_->apply(config); }

std::vector<api::Health::Check> ControlRole::checks() const { return control_->checks(); }

void ControlRole::set_own_types(const std::vector<ports::TaskType>& types) {
  control_->feature<control::Tasks>().types.set_own(types);
}

ControlRole::~ControlRole() { stop(); }

void ControlRole::stop() {
  if (server_) server_->stop();
  if (control_) control_->stop();
}

}  // namespace skep::app
