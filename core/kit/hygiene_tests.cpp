// Tier hygiene: the process afterwards is the process before.
#include "core/kit/plugin_under_test.hpp"
#include "core/kit/surroundings.hpp"

namespace skep::kit {
namespace {

void use(Subject& s, Instance& instance) {
  if (s.component->kind != SKEP_KIND_TASK) return;
  const FakeCall call(skep_fake_call_new());
  skep_fake_call_deadline(call.get(), 1000);
  const std::string request = request_json(s);
  run_task(instance, call.get(), {request.data(), request.size()});
}

}  // namespace

void hygiene_process_state(Subject& s) {
  // Once before we look, because locale and resolver caches of the C library stay open for good.
  {
    Instance first(s, Instance::State::kStarted);
    use(s, first);
    first.end();
  }
  std::string changed;
  {
    const Surroundings before = look_around();
    {
      Instance instance(s, Instance::State::kStarted);
      use(s, instance);
      instance.end();
    }
    changed = difference(before, look_around());
  }
  if (!changed.empty())
    throw Broken("left the process changed: " + changed,
                 "undo it in stop(), or do not do it: others live in this process");
}

void hygiene_threads(Subject& s) {
  const int before = thread_count();
  Instance instance(s, Instance::State::kStarted);
  use(s, instance);
  const int during = thread_count();
  instance.end();
  const int after = settled_thread_count(before);
  if (after > before)
    throw Broken("left " + std::to_string(after - before) + " threads running after stop()",
                 "join every thread in stop()");
  s.remark = std::to_string(during - before) + " threads of its own while started";
}

}  // namespace skep::kit
