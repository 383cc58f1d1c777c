// Tier reload: generations follow each other in one process.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/conformance/plugin_under_test.hpp"

namespace skep::conformance {
namespace {

using Generation = std::shared_ptr<Instance>;

constexpr int kGenerations = 24;
constexpr std::chrono::seconds kEnough{8};  ///< on a slow machine fewer generations have to do
constexpr int kExclusiveGenerations = 8;
constexpr int kReloadCallers = 4;

/// The generation that serves; callers hold on to the one that they began with.
class Route {
 public:
  Generation get() {
    const MutexLock lock(mutex_);
    return current_;
  }
  void set(Generation next) {
    const MutexLock lock(mutex_);
    current_.swap(next);
  }

 private:
  Mutex mutex_;
  Generation current_ SKEP_GUARDED_BY(mutex_);
};

Generation started(const Subject& s) {
  return std::make_shared<Instance>(s, Instance::State::kStarted);
}

skep_rc call_once(Subject& s, Instance& instance) {
  const FakeCall call(skep_fake_call_new());
  skep_fake_call_deadline(call.get(), 1000);
  const std::string request = request_json(s);
  return run_task(instance, call.get(), {request.data(), request.size()})->rc;
}

/// A busy machine, and nothing that a replaced generation did.
bool is_late(skep_rc rc) { return rc == SKEP_E_DEADLINE || rc == SKEP_E_CANCELLED; }

void side_by_side(Subject& s) {
  Route route;
  route.set(started(s));
  const skep_rc usual = call_once(s, *route.get());
  std::atomic<long> calls = 0;
  std::atomic<long> unusual = 0;
  const auto calling = [&](const std::stop_token& stop) {
    while (!stop.stop_requested()) try {
        ++calls;
        const skep_rc rc = call_once(s, *route.get());
        if (rc != usual && !is_late(rc) && !is_late(usual)) ++unusual;
      } catch (const Broken&) {
        ++unusual;
      }
  };
  int generations = 1;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < kReloadCallers; ++i) callers.emplace_back(calling);
    const auto end = std::chrono::steady_clock::now() + kEnough;
    for (; generations < kGenerations && std::chrono::steady_clock::now() < end; ++generations)
      route.set(started(s));
  }
  if (unusual > 0)
    throw Broken(std::to_string(unusual) + " of " + std::to_string(calls) +
                     " calls ended otherwise while generations were replaced",
                 "keep all state in the instance; statics, files and ports are shared by "
                 "generations");
  s.remark = std::to_string(generations) + " generations, " + std::to_string(calls) + " calls";
}

void one_after_the_other(Subject& s) {
  for (int i = 0; i < kExclusiveGenerations; ++i) {
    step("generation " + std::to_string(i + 1));
    started(s)->end();
  }
  s.remark = std::to_string(kExclusiveGenerations) + " generations, each after the other ended";
}

}  // namespace

void reload_generations(Subject& s) {
  if (s.component->reload == "parallel" && s.component->kind == SKEP_KIND_TASK)
    side_by_side(s);
  else
    one_after_the_other(s);
}

}  // namespace skep::conformance
