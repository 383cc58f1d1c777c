// How an adapter calls its component: through the route, one visit a call, on a thread that the
// call may keep for good.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "core/plugin/boundary.hpp"
#include "core/plugin/route.hpp"

namespace skep::plugin {

/// The route with what happens when its last user goes: the instance is stopped.
struct RouteHandle {
  RouteHandle(std::shared_ptr<Route> r, std::function<void()> closed)
      : route(std::move(r)), on_close(std::move(closed)) {}
  RouteHandle(const RouteHandle&) = delete;
  RouteHandle& operator=(const RouteHandle&) = delete;
  ~RouteHandle() {
    if (on_close) on_close();
  }
  std::shared_ptr<Route> route;
  std::function<void()> on_close;
  CallLimits limits{};
};

/// A route that has one target for good; `closed` (may be empty) is called when it goes.
/// `instance`, unless it is null, stays for as long as a call is inside.
std::shared_ptr<RouteHandle> fixed_route(const void* table, skep_inst* inst,
                                         std::function<void()> closed,
                                         const std::shared_ptr<Instance>& instance = {});

/// What a call finds on the thread that makes it.
struct Inside {
  const void* table;  ///< of the kind
  skep_inst* inst;
  std::uint64_t number;  ///< tells generations apart
  skep_call* call;
  skep_err* err;
};

/// A call in three parts. `make` and `late` run on another thread, which may keep them for good:
/// they own all they touch, inputs and receivers, and take no lock that a caller may hold.
struct ComponentCall {
  std::function<skep_rc(const Inside&)> make;
  /// On the caller's thread, after a call that answered in time: has the plugin kept the kind's
  /// contract? It may look at what the caller has. Empty = it cannot break it.
  std::function<Status()> check{};
  /// After a call that succeeded when its caller had gone: undoes what nobody knows of. Empty =
  /// nothing has to be.
  std::function<void(const Inside&)> late{};
};

/// Enters the route and makes the call. How that went is put down in the generation's books. The
/// error is the plugin's; or kUnavailable, to be tried again under the same key, for a route that
/// stays closed, a call that did not end by its deadline or was cancelled with the generation or
/// the node, and one that was given up ("plugin-hangs"): that may take effect yet. What the call
/// filled in may be looked at when it succeeded, and only then. [any]
Status call_component(const RouteHandle& handle, const CallRule& rule, ComponentCall call);

/// The same for `make(table, inside, state)` on the kind's table, where `state` is all that the
/// call touches.
template <class Table, class State, class Make>
Status call_with(const RouteHandle& handle, const CallRule& rule,
                 const std::shared_ptr<State>& state, Make make, std::function<Status()> check = {},
                 std::function<void(const Inside&)> late = {}) {
  return call_component(handle, rule,
                        {[state, make](const Inside& in) {
                           return make(*static_cast<const Table*>(in.table), in, *state);
                         },
                         std::move(check), std::move(late)});
}

}  // namespace skep::plugin
