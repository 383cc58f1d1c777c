// Where the calls of one component (a queue, store, spool, heartbeat) go: to one generation at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "core/plugin/call_rule.hpp"
#include "core/plugin/generation.hpp"
#include "core/plugin/host_call.hpp"
#include "skep/abi/base.h"

namespace skep::plugin {

class Instance;

/// While it is closed, callers wait. [any]
class Route {
 public:
  static constexpr Millis kPatience{30'000};  ///< how long a caller waits
  static constexpr int kMaxWaiting = 1024;    ///< how many wait

  struct Target {
    std::shared_ptr<Generation> generation;
    const void* table = nullptr;  ///< of the kind
    skep_inst* inst = nullptr;
    std::string component{};             ///< "queue sqlite", for messages
    std::weak_ptr<Instance> instance{};  ///< that stays for as long as a call is inside
  };
  explicit Route(Target first) : target_(std::make_shared<const Target>(std::move(first))) {}
  Route(const Route&) = delete;
  Route& operator=(const Route&) = delete;

  /// One call inside. `number` tells targets apart and grows with each.
  struct Entered {
    std::shared_ptr<HostCall> call;
    Generation::Visit visit;
    std::shared_ptr<const Target> target;
    std::shared_ptr<Instance> instance;  ///< null for a target without one
    std::uint64_t number = 0;
  };
  /// A call by `rule`, whose time begins now. kUnavailable, to be tried again, when the route stays
  /// closed, too many wait already, or too many calls of the component have not been answered.
  Result<Entered> enter(const CallRule& rule);

  void close();
  /// Opens with `next` as the target.
  void open(Target next);
  /// Opens with the target it had.
  void open();

 private:
  Mutex mutex_;
  CondVar opened_;
  std::shared_ptr<const Target> target_ SKEP_GUARDED_BY(mutex_);
  std::uint64_t number_ SKEP_GUARDED_BY(mutex_) = 1;  ///< of the target
  bool closed_ SKEP_GUARDED_BY(mutex_) = false;
  int waiting_ SKEP_GUARDED_BY(mutex_) = 0;
};

}  // namespace skep::plugin
