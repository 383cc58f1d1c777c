#include "core/plugin/adapters/call_use.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"
#include "core/proc/ending.hpp"
#include "core/proc/process_service.hpp"

namespace skep::plugin {
namespace {

/// By somebody else's signal; a shell that waited for the program says it by its exit code.
bool was_stopped(const skep_process_exit& exit) {
  if (exit.reason == SKEP_EXIT_SIGNALED) return proc::is_stop_signal(exit.signal);
  return exit.reason == SKEP_EXIT_EXITED &&
         proc::is_stop_signal(exit.exit_code - proc::kShellSignal);
}

skep_rc run(const skep_host* host, skep_call* call, const skep_process_spec* spec,
            const skep_process_output* output, skep_process_exit* exit, skep_err* err) noexcept {
  if (const auto admitted = PluginHost::of(host).admit(SKEP_SVC_PROCESS); !admitted)
    return put_error(err, admitted.error());
  const CallUse use(call);
  if (use.is_over()) return put_error(err, Error{Code::kState, "the call has ended"});
  const skep_rc rc = proc::process_service()->run(host, call, spec, output, exit, err);
  if (rc == SKEP_OK && use.task() != nullptr && was_stopped(*exit))
    use.task()->note(model::Cause::kSignal);
  return rc;
}

}  // namespace

const skep_svc_process_v1& process_service() {
  static constexpr skep_svc_process_v1 table{sizeof(skep_svc_process_v1), 0, run};
  return table;
}

}  // namespace skep::plugin
