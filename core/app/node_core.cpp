#include "core/app/node_core.hpp"

#include "core/app/node_check.hpp"
#include "core/app/node_files.hpp"
#include "core/base/log.hpp"

namespace skep::app {
namespace {

constexpr std::size_t kMostStreams = 64;
/// A plugin's reload may block one for long; the others go on answering.
constexpr std::size_t kSocketThreads = 2;

/// Events after which other task types may be there.
bool concerns_plugins(const events::Event& event) {
  return event.name.starts_with("plugin.") || event.name.starts_with("script.");
}

Result<NodeFacts> facts_of(const config::Loaded& loaded, const config::LoadOptions& source) {
  auto id = node_id(loaded.config);
  if (!id) return id.error();
  const auto& node = loaded.config.node;
  return NodeFacts{std::move(*id), node.site,   node.roles,
                   node.state_dir, source.path, SystemClock().wall_ms()};
}

Status check_reload(plugin::Registry& registry, const std::string& path,
                    const config::Loaded& running, const config::Loaded& next) {
  const config::Config& now = next.config;
  if (const auto settings = trust::Settings::from(now.trust); !settings)
    return config::with_place(next, settings.error());
  if (now.plugins.tables != running.config.plugins.tables)
    if (const Status fits = registry.check_tables(now.plugins.tables); !fits)
      return config::with_place(next, fits.error());
  const auto problems = new_problems(running, next);
  if (!problems.empty()) return config::problems_error(problems, path);
  return {};
}

net::ServerOptions socket_options(const config::Config& config) {
  net::ServerOptions options;
  options.unix_socket = config.node.state_dir + "/node.sock";
  options.threads = kSocketThreads;
  return options;
}

}  // namespace

Reloader::Guards reload_guards(plugin::Registry& registry, std::shared_ptr<trust::Gate> gate,
                               const std::string& path) {
  Reloader::Guards guards;
  guards.check = [&registry, path](const config::Loaded& running, const config::Loaded& next) {
    return check_reload(registry, path, running, next);
  };
  guards.plugins = [&registry](const config::Config& c) {
    return registry.configure(c.plugins.tables);
  };
  guards.trust = [gate = std::move(gate)](const config::Config& c) -> Status {
    auto settings = trust::Settings::from(c.trust);
    return settings ? gate->tighten(std::move(*settings)) : Status{settings.error()};
  };
  return guards;
}

Result<std::unique_ptr<NodeCore>> NodeCore::start(const config::Loaded& loaded,
                                                  const config::LoadOptions& source,
                                                  plugin::Registry& registry,
                                                  std::shared_ptr<trust::Gate> gate) {
  auto facts = facts_of(loaded, source);
  if (!facts) return facts.error();
  std::unique_ptr<NodeCore> core(new NodeCore);
  const auto on_event = [self = core.get()](const events::Event& event) {
    if (concerns_plugins(event)) self->on_plugins_changed_();
  };
  core->events_ =
      std::make_unique<EventStreams>(kMostStreams, on_event, loaded.config.is_control());
  core->reloader_ = std::make_unique<Reloader>(
      loaded, source, reload_guards(registry, std::move(gate), source.path));
  core->api_ =
      std::make_unique<NodeApi>(std::move(*facts), registry, *core->reloader_, *core->events_);
  core->server_ =
      std::make_unique<net::HttpServer>(socket_options(loaded.config), net::Router(core->routes()));
  if (const Status served = core->server_->start(); !served) {
    if (served.error().code == Code::kState) return served.error();
    log::warn("node_socket_failed", {{"error", served.error().message},
                                     {"effect", "skep node and skep plugin cannot ask this node"}});
  }
  return core;
}

void NodeCore::run(Parts parts, std::vector<std::string> urls) {
  for (std::string& url : server_->urls()) urls.push_back(std::move(url));
  on_plugins_changed_ = std::move(parts.on_plugins_changed);
  api_->set_parts(std::move(parts.api));
  events_->start();
  reloader_->start(std::move(parts.apply));
  api_->set_urls(std::move(urls));
  if (reloader_->path().empty()) return;
  watch_ = std::make_unique<ConfigWatch>(*reloader_);
  watch_->start();
}

void NodeCore::reload_soon() {
  if (watch_) watch_->request();
}

void NodeCore::stop_changes() {
  watch_.reset();
  if (reloader_) reloader_->stop();
  if (!api_) return;
  api_->set_stopping();
  api_->set_parts({});
}

void NodeCore::stop() {
  stop_changes();
  if (server_) server_->stop();
  if (events_) events_->stop();
}

}  // namespace skep::app
