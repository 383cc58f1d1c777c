#include "core/plugin/adapters/route_call.hpp"

#include <algorithm>
#include <optional>

#include "core/base/events.hpp"

namespace skep::plugin {
namespace {

using ports::CancelReason;

CallThreads::TimePoint at(MonoMs when) { return CallThreads::TimePoint(Millis(when)); }

/// All that one call needs, for as long as it is inside.
struct Made {
  Made(Route::Entered& entered, ComponentCall&& c)
      : target(entered.target),
        instance(std::move(entered.instance)),
        number(entered.number),
        host(entered.call),
        call(std::move(c)) {}
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;

  const std::shared_ptr<const Route::Target> target;
  const std::shared_ptr<Instance> instance;
  const std::uint64_t number;
  const std::shared_ptr<HostCall> host;
  const ComponentCall call;
  Called called{};

  Generation& generation() const { return *target->generation; }
  Called make(HostCall& with, const std::function<skep_rc(const Inside&)>& body) const {
    return call_code([&](skep_err* err) {
      return body({target->table, target->inst, number, with.handle(), err});
    });
  }
};

void publish(log::Level level, std::string_view event, const Generation& generation,
             const HungCalls::Hang& hang) {
  const GenerationInfo info = generation.info();
  events::publish(level, event,
                  {{"id", generation.owner()},
                   {"version", info.version},
                   {"sha256", info.sha256},
                   {"generation", info.number},
                   {"component", hang.component},
                   {"call", hang.call},
                   {"duration_ms", SystemClock().mono_ms() - hang.since}});
}

/// On the call's own thread, when nobody waits for it any more.
void come_back(const Made& made, const CallLimits& limits) {
  Generation& generation = made.generation();
  const std::string& component = made.target->component;
  if (made.called.status && made.call.late) {
    HostCall host(generation.owner(), component, SystemClock().mono_ms() + limits.step.count());
    static_cast<void>(made.make(host, [&](const Inside& inside) {
      made.call.late(inside);
      return SKEP_OK;
    }));
  }
  const auto hang = generation.hung().of(component);
  if (generation.hung().remove(component) && hang)
    publish(log::Level::kInfo, "plugin.answers", generation, *hang);
}

/// Waits for the call, tells it when its time is up, and then a little longer. True when it has
/// ended.
bool wait_for(CallThreads::Hold& hold, HostCall& call, const CallLimits& limits) {
  const SystemClock clock;
  MonoMs deadline = call.deadline();
  bool hurried = false;
  while (call.reason() == CancelReason::kNone) {
    if (!hurried && call.hurried()) {
      hurried = true;
      deadline = std::min(deadline, clock.mono_ms() + limits.stopping.count());
    }
    if (hold.wait_until(at(deadline))) return true;
    if (clock.mono_ms() < deadline) continue;
    call.cancel(hurried ? CancelReason::kShutdown : CancelReason::kDeadline);
  }
  const MonoMs end = clock.mono_ms() + limits.grace.count();
  do {
    if (hold.wait_until(at(end))) return true;
  } while (clock.mono_ms() < end);
  return false;
}

/// A call that ended because it was told to has come to nothing; that says nothing of its input.
Status unless_stopped(const Status& status, HostCall& call, const CallRule& rule) {
  if (status) return status;
  const Error& error = status.error();
  const auto reason = call.reason();
  if (reason == CancelReason::kNone ||
      (error.code != Code::kCancelled && error.code != Code::kDeadline))
    return status;
  const std::string_view why = reason == CancelReason::kReload     ? "its plugin is being replaced"
                               : reason == CancelReason::kShutdown ? "the node stops"
                                                                   : "its time was up";
  return unavailable(std::string(rule.name) + " was stopped, as " + std::string(why) + ": " +
                     error.message);
}

/// What the caller of a call that was given up is told; nothing when it has ended after all. The
/// call may come back at any moment, and finds itself in the books.
std::optional<Error> give_up(CallThreads::Hold& hold, const Made& made, const CallRule& rule) {
  Generation& generation = made.generation();
  const std::string& component = made.target->component;
  const MonoMs began = made.host->deadline() - rule.limit.count();
  const bool first = generation.hung().add(component, rule.name, began);
  if (!hold.give_up()) {
    generation.hung().remove(component);
    return std::nullopt;
  }
  const HungCalls::Hang hang{component, std::string(rule.name), began, 1};
  if (first) publish(log::Level::kError, "plugin.hangs", generation, hang);
  return hangs(hang, generation.owner(), SystemClock().mono_ms());
}

}  // namespace

std::shared_ptr<RouteHandle> fixed_route(const void* table, skep_inst* inst,
                                         std::function<void()> closed,
                                         const std::shared_ptr<Instance>& instance) {
  auto generation = std::make_shared<Generation>("fixed", GenerationInfo{});
  auto route = std::make_shared<Route>(
      Route::Target{std::move(generation), table, inst, "component", instance});
  return std::make_shared<RouteHandle>(std::move(route), std::move(closed));
}

Status call_component(const RouteHandle& handle, const CallRule& rule, ComponentCall call) {
  auto entered = handle.route->enter(rule);
  if (!entered) return entered.error();
  auto hold = CallThreads::shared().take();
  if (!hold) return hold.error();
  HostCall& host = *entered->call;
  const auto made = std::make_shared<Made>(*entered, std::move(call));
  host.runs_on(&*hold);
  hold->start([made] { made->called = made->make(*made->host, made->call.make); },
              [made, limits = handle.limits] { come_back(*made, limits); });
  const bool ended = wait_for(*hold, host, handle.limits);
  host.runs_on(nullptr);
  if (!ended) {
    if (const auto error = give_up(*hold, *made, rule)) {
      entered->visit.ended(CallEnd::kFault);
      return *error;
    }
  }
  Called called = std::move(made->called);
  called.status = unless_stopped(called.status, host, rule);
  if (called.status && made->call.check)
    if (Status kept = made->call.check(); !kept) called = {std::move(kept), CallEnd::kFault};
  entered->visit.ended(called.end);
  if (called.end == CallEnd::kOk) return called.status;
  return called.status.error().within("plugin " + made->generation().owner());
}

}  // namespace skep::plugin
