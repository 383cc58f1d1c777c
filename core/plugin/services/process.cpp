#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"
#include "core/proc/process_service.hpp"

namespace skep::plugin {
namespace {

skep_rc run(const skep_host* host, skep_call* call, const skep_process_spec* spec,
            const skep_process_output* output, skep_process_exit* exit, skep_err* err) noexcept {
  if (const auto admitted = PluginHost::of(host).admit(SKEP_SVC_PROCESS); !admitted)
    return put_error(err, admitted.error());
  return proc::process_service()->run(host, call, spec, output, exit, err);
}

}  // namespace

const skep_svc_process_v1& process_service() {
  static constexpr skep_svc_process_v1 table{sizeof(skep_svc_process_v1), 0, run};
  return table;
}

}  // namespace skep::plugin
