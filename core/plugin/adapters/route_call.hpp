// How an adapter calls its component: through the route, one visit a call.
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
};

/// A route that has one target for good; `closed` (may be empty) is called when it goes.
inline std::shared_ptr<RouteHandle> fixed_route(const void* table, skep_inst* inst,
                                                std::function<void()> closed) {
  auto generation = std::make_shared<Generation>("fixed", GenerationInfo{});
  auto route = std::make_shared<Route>(Route::Target{std::move(generation), table, inst});
  return std::make_shared<RouteHandle>(std::move(route), std::move(closed));
}

/// For calls whose answer cannot break the kind's contract.
struct Unchecked {
  Status operator()() const { return {}; }
};

/// Enters the route and runs `call(table, inst, number, skep_err*)` on the kind's table, where
/// `number` tells generations apart, then `check()`: has the plugin kept the kind's contract? How
/// that went is put down in the generation's books. The error is the plugin's, or that of a route
/// that stays closed.
template <class Table, class Call, class Check = Unchecked>
Status enter_with(const RouteHandle& handle, Call&& call, const Check& check = {}) {
  auto entered = handle.route->enter();
  if (!entered) return entered.error();
  Called called = call_code([&](skep_err* err) {
    return call(static_cast<const Table*>(entered->table), entered->inst, entered->number, err);
  });
  if (called.status)
    if (Status kept = check(); !kept) called = {std::move(kept), CallEnd::kFault};
  entered->visit.ended(called.end);
  if (called.end == CallEnd::kOk) return called.status;
  return called.status.error().within("plugin " + (*entered->visit).owner());
}

/// The same for `call(table, inst, skep_err*)`.
template <class Table, class Call, class Check = Unchecked>
Status enter(const RouteHandle& handle, Call&& call, const Check& check = {}) {
  return enter_with<Table>(
      handle,
      [&](const Table* table, skep_inst* inst, std::uint64_t, skep_err* err) {
        return call(table, inst, err);
      },
      check);
}

}  // namespace skep::plugin
