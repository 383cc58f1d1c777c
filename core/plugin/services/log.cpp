#include "core/plugin/log_line.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

void write(const skep_host* host, std::uint32_t level, skep_view event,
           skep_view fields_json) noexcept {
  try {
    if (!PluginHost::of(host).admit(SKEP_SVC_LOG)) return;
    const std::string& id = PluginHost::of(host).plugin_id();
    write_line(level, id, id, text(event), {}, text(fields_json));
  } catch (...) {
    // A log line that cannot be written must not end the host; there is nowhere left to say so.
  }
}

}  // namespace

const skep_svc_log_v1& log_service() {
  static constexpr skep_svc_log_v1 table{sizeof(skep_svc_log_v1), 0, write};
  return table;
}

}  // namespace skep::plugin
