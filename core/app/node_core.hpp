// What every node has, whatever its roles: plugins, events, live configuration, its own API.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/app/config_watch.hpp"
#include "core/app/node_api.hpp"
#include "core/net/http.hpp"
#include "core/trust/gate.hpp"

namespace skep::app {

/// What a node asks of a new configuration, which is that of the file `path`; `registry` outlives
/// it.
Reloader::Guards reload_guards(plugin::Registry& registry, std::shared_ptr<trust::Gate> gate,
                               const std::string& path);

class NodeCore {
 public:
  /// Serves the node's routes on state_dir/node.sock; kState when another process does. A socket
  /// that cannot be made for another reason is logged, and the node goes on without. `registry`
  /// outlives it.
  static Result<std::unique_ptr<NodeCore>> start(const config::Loaded& loaded,
                                                 const config::LoadOptions& source,
                                                 plugin::Registry& registry,
                                                 std::shared_ptr<trust::Gate> gate);
  ~NodeCore() { stop(); }

  std::vector<net::Route> routes() { return api_->routes(); }
  EventStreams& events() { return *events_; }
  struct Parts {
    std::vector<Reloader::Apply> apply;        ///< each takes a changed configuration
    NodeApi::Parts api;                        ///< what it says of them
    std::function<void()> on_plugins_changed;  ///< plugins or scripts came, went or were replaced
  };
  /// The node runs, also at `urls`: from now on changes reach `parts`, until stop_changes().
  void run(Parts parts, std::vector<std::string> urls);
  /// SIGHUP. [any]
  void reload_soon();
  /// It says that it stops; all goes on. Idempotent.
  void announce_stop() { api_->set_stopping(); }
  /// No part is called any more; the routes are still served. Idempotent.
  void stop_changes();
  /// Idempotent. The servers of others that have routes() stop before.
  void stop();

 private:
  NodeCore() = default;
  std::function<void()> on_plugins_changed_;
  std::unique_ptr<EventStreams> events_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<NodeApi> api_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<ConfigWatch> watch_;
};

}  // namespace skep::app
