// C++20 layer for task types. See skep/kind/task.h for the contract of each call.
#ifndef SKEP_TASK_HPP
#define SKEP_TASK_HPP

#include "skep/json.hpp"
#include "skep/kind/task.h"
#include "skep/plugin.hpp"

namespace skep {

/// A task type. run() is called by several threads at once, up to max_concurrency.
class Task : public Component {
 public:
  virtual skep_rc run(Call& call) = 0;

  static constexpr const char* kKind = SKEP_KIND_TASK;
  template <class T>
  static const skep_task_v1* table() {
    static const skep_task_v1 t{
        sizeof(skep_task_v1), 0,
        [](skep_inst* inst, skep_call* handle, skep_view request) noexcept -> skep_rc {
          return guarded_run(handle, text(request), [&](Call& call) {
            return static_cast<Task*>(to_component(inst))->run(call);
          });
        }};
    return &t;
  }
};

}  // namespace skep

/// A plugin with one task type; its name is the manifest's.
#define SKEP_TASK_PLUGIN(T) SKEP_PLUGIN(skep::component<T>("*"))

#endif
