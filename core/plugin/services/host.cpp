#include "core/plugin/services/host.hpp"

#include <string_view>
#include <type_traits>

#include "core/base/events.hpp"
#include "core/proc/process_service.hpp"

namespace skep::plugin {
namespace {

const void* find_service(const skep_host* host, const char* id) {
  if (id == nullptr || !PluginHost::of(host).admit("service")) return nullptr;
  const std::string_view wanted(id);
  if (wanted == SKEP_SVC_LOG) return &log_service();
  if (wanted == SKEP_SVC_METRIC) return &metric_service();
  if (wanted == SKEP_SVC_HTTP) return &http_service();
  if (wanted == SKEP_SVC_PROCESS) return &process_service();
  if (wanted == SKEP_SVC_KV) return &kv_service();
  if (wanted == SKEP_SVC_TASK) return &task_service();
  return nullptr;
}

static_assert(std::is_standard_layout_v<PluginHost>, "a handle is the address of its PluginHost");

}  // namespace

PluginHost::PluginHost(std::string plugin_id, std::string state_dir, std::uint64_t generation)
    : abi_{sizeof(skep_host), SKEP_ABI_MINOR, find_service},
      plugin_id_(std::move(plugin_id)),
      state_dir_(std::move(state_dir)),
      generation_(generation) {}

Status PluginHost::admit(std::string_view service) const {
  if (!buried_) return {};
  Error error{Code::kState, "generation " + std::to_string(generation_) + " of plugin " +
                                plugin_id_ + " is gone and may call nothing"};
  if (late_calls_++ == 0)
    events::publish(log::Level::kError, "plugin.late_call",
                    {{"id", plugin_id_},
                     {"generation", generation_},
                     {"service", service},
                     {"reason", "it left a thread or a timer behind"}});
  return error;
}

}  // namespace skep::plugin
