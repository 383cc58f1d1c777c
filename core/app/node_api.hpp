// The routes of every node, about itself: probes, /api/node and the event stream.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "core/api/process_json.hpp"
#include "core/app/event_streams.hpp"
#include "core/app/reloader.hpp"
#include "core/base/live.hpp"
#include "core/base/mutex.hpp"
#include "core/net/http.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/scripts/registry.hpp"

namespace skep::app {

struct NodeFacts {
  std::string id;
  std::string site;
  std::vector<std::string> roles;
  std::string state_dir;
  std::string config_file;  ///< "" = none
  WallMs started_at = 0;
};

/// Collaborators outlive it, and it outlives the servers of its routes.
class NodeApi {
 public:
  /// The scripts of this node. [any]
  using Scripts = std::function<std::vector<plugin::ScriptInfo>()>;
  /// What must be well for it to do its work; asks no disk, for a probe waits for nothing. [any]
  using Checks = std::function<std::vector<api::Health::Check>()>;
  /// Empty functions: there are none yet, or no more.
  struct Parts {
    Scripts scripts;
    Checks checks;
  };

  NodeApi(NodeFacts facts, plugin::Registry& registry, Reloader& reloader, EventStreams& events);
  std::vector<net::Route> routes();
  /// Where the node can be reached; from then on its state is "running". [any]
  void set_urls(std::vector<std::string> urls) { urls_.set(std::move(urls)); }
  /// From then on its state is "stopping", and its `node` check fails. Idempotent. [any]
  void set_stopping();
  /// The ones before are not called any more. [any]
  void set_parts(Parts parts);

 private:
  using Request = net::HttpRequest;
  using Response = net::HttpResponse;
  Response health(const Request& request) const;
  Response node(const Request& request) const;
  Response plugins(const Request& request) const;
  Response reload_plugin(const Request& request);
  Response scripts(const Request& request) const;
  Response metrics(const Request& request) const;
  Response config(const Request& request) const;
  Response reload(const Request& request);

  std::vector<plugin::ScriptInfo> script_infos() const;
  std::vector<api::Health::Check> checks() const;

  const NodeFacts facts_;
  plugin::Registry& registry_;
  Reloader& reloader_;
  EventStreams& events_;
  /// Shared during a call: after set_parts() the former ones are not asked any more.
  mutable SharedMutex parts_mutex_;
  Parts parts_ SKEP_GUARDED_BY(parts_mutex_);
  Live<std::vector<std::string>> urls_{{}};
  std::atomic<WallMs> stopping_since_{0};  ///< 0 = it is not
};

}  // namespace skep::app
