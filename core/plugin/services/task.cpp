#include "core/plugin/adapters/call_use.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

skep_rc run(const skep_host* host, skep_call* call, skep_view type, skep_view params_json,
            const skep_sink* result, skep_err* err) noexcept {
  try {
    if (const auto admitted = PluginHost::of(host).admit(SKEP_SVC_TASK); !admitted)
      return put_error(err, admitted.error());
    if (call == nullptr) return put_error(err, invalid("a task runs inside of a call; it is null"));
    const CallUse use(call);
    if (use.task() == nullptr)
      return put_error(err,
                       Error{Code::kState, "a task runs inside of a task's call, until that ends"});
    const auto done = use.task()->run_task(text(type), text(params_json));
    if (!done) return put_error(err, done.error());
    return result == nullptr ? SKEP_OK : result->put(result->ctx, to_view(*done));
  } catch (const std::exception& e) {
    return put_error(err, internal_error(e.what()));
  }
}

}  // namespace

const skep_svc_task_v1& task_service() {
  static constexpr skep_svc_task_v1 table{sizeof(skep_svc_task_v1), 0, run};
  return table;
}

}  // namespace skep::plugin
