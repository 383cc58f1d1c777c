// The control role of a node: queue, store, API, server.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/api/process_json.hpp"
#include "core/app/event_streams.hpp"
#include "core/base/clock.hpp"
#include "core/config/config.hpp"
#include "core/control/control.hpp"
#include "core/net/http.hpp"
#include "core/plugin/registry.hpp"

namespace skep::app {

class ControlRole {
 public:
  /// Opens queue and store, binds the addresses, serves its own routes and those of the node;
  /// `events` serve its durable events from then on. `admission` is asked for what looks at
  /// published scripts. The worker of the same node joins with
  /// `own_join_token`, "" = it has none. `registry`, `clock`, `events` and what
  /// `node_routes` refer to must outlive it.
  static Result<std::unique_ptr<ControlRole>> start(const config::Config& config,
                                                    plugin::Registry& registry,
                                                    plugin::Admission admission, Clock& clock,
                                                    EventStreams& events,
                                                    std::vector<net::Route> node_routes,
                                                    std::string own_join_token);
  ~ControlRole();
  /// Base URLs that are served.
  std::vector<std::string> urls() const { return server_->urls(); }
  /// Takes what is live of [control]. [any]
  void apply(const config::Config& config);
  /// What must be well for it to be ready. [any]
  std::vector<api::Health::Check> checks() const;
  /// The task types of this node's own plugins, as they are now. [any]
  void set_own_types(const std::vector<ports::TaskType>& types);
  void stop();

 private:
  ControlRole() = default;
  std::unique_ptr<ports::Queue> queue_;
  std::unique_ptr<ports::Store> store_;
  std::unique_ptr<control::Control> control_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace skep::app
