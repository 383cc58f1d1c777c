// How an adapter of a slot calls its component: through the slot's route, one lease a call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "core/plugin/boundary.hpp"
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

/// For calls whose answer cannot break the kind's contract.
struct Unchecked {
  Status operator()() const { return {}; }
};

/// Enters the route and runs `call(table, inst, number, skep_err*)` on the kind's table, where
/// `number` tells generations apart, then `check()`: has the plugin kept the kind's contract? How
/// that went is put down in the generation's books. The error is the plugin's, or that of a route
/// that stays closed.
template <class Table, class Call, class Check = Unchecked>
Status enter_with(const SlotRoute& slot, Call&& call, const Check& check = {}) {
  auto entered = slot.route->enter();
  if (!entered) return entered.error();
  Called called = call_code([&](skep_err* err) {
    return call(static_cast<const Table*>(entered->table), entered->inst, entered->number, err);
  });
  if (called.status)
    if (Status kept = check(); !kept) called = {std::move(kept), CallEnd::kFault};
  entered->lease.ended(called.end);
  if (called.end == CallEnd::kOk) return called.status;
  return called.status.error().within("plugin " + (*entered->lease).owner());
}

/// The same for `call(table, inst, skep_err*)`.
template <class Table, class Call, class Check = Unchecked>
Status enter(const SlotRoute& slot, Call&& call, const Check& check = {}) {
  return enter_with<Table>(
      slot,
      [&](const Table* table, skep_inst* inst, std::uint64_t, skep_err* err) {
        return call(table, inst, err);
      },
      check);
}

}  // namespace skep::plugin
