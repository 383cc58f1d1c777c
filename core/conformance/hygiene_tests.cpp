// Tier hygiene: the process afterwards is the process before.
#include <algorithm>

#include "core/base/text.hpp"
#include "core/conformance/plugin_under_test.hpp"
#include "core/conformance/surroundings.hpp"

namespace skep::conformance {
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
  const auto live_once = [&s] {
    Instance instance(s, Instance::State::kStarted);
    use(s, instance);
    instance.end();
  };
  // Caches of the C library open descriptors at their first use, and keep them: those count the
  // second time only.
  Surroundings cold = look_around();
  live_once();
  Surroundings warm = look_around();
  live_once();
  std::string changed = difference(warm, look_around());
  const auto is_descriptor = [](const auto& item) { return item.first.starts_with("fd "); };
  std::erase_if(cold, is_descriptor);
  std::erase_if(warm, is_descriptor);
  if (changed.empty()) changed = difference(cold, warm);
  if (!changed.empty())
    throw Broken("left the process changed: " + changed,
                 "undo it in stop(), or do not do it: others live in this process");
}

void hygiene_threads(Subject& s) {
  const auto before = threads();
  Instance instance(s, Instance::State::kStarted);
  use(s, instance);
  const auto during = threads();
  instance.end();
  const auto left = new_threads(before);
  if (!left.empty())
    throw Broken("left " + std::to_string(left.size()) +
                     " threads running after stop(), named: " + join(left, ", "),
                 "join every thread in stop(); pthread_setname_np() tells them apart");
  const auto own = std::count_if(during.begin(), during.end(),
                                 [&](const auto& t) { return !before.contains(t.first); });
  s.remark = std::to_string(own) + " threads of its own while started";
}

}  // namespace skep::conformance
