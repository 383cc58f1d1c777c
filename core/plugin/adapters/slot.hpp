// How an adapter of a slot calls its component: through the slot's route, one lease a call.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "core/plugin/adapters/abi_error.hpp"
#include "core/plugin/route.hpp"

namespace skep::plugin {

/// The route with what happens when the slot's last user goes: the instance is stopped.
struct SlotRoute {
  SlotRoute(std::shared_ptr<Route> r, std::function<void()> closed)
      : route(std::move(r)), on_close(std::move(closed)) {}
  SlotRoute(const SlotRoute&) = delete;
  SlotRoute& operator=(const SlotRoute&) = delete;
  ~SlotRoute() {
    if (on_close) on_close();
  }
  std::shared_ptr<Route> route;
  std::function<void()> on_close;
};

/// A slot whose route has one target for good; `closed` (may be empty) is called when it goes.
inline std::shared_ptr<SlotRoute> fixed_slot(const void* table, skep_inst* inst,
                                             std::function<void()> closed) {
  auto generation = std::make_shared<Generation>("fixed", GenerationInfo{});
  auto route = std::make_shared<Route>(Route::Target{std::move(generation), table, inst});
  return std::make_shared<SlotRoute>(std::move(route), std::move(closed));
}

/// Enters the route and runs `call(table, inst, skep_err*)` on the kind's table. The error is the
/// plugin's, or that of a route that stays closed.
template <class Table, class Call>
Status enter(const SlotRoute& slot, Call&& call) {
  const auto entered = slot.route->enter();
  if (!entered) return entered.error();
  ErrBuffer err;
  return err.status(call(static_cast<const Table*>(entered->table), entered->inst, err.out()));
}

}  // namespace skep::plugin
