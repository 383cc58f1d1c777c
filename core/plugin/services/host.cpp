#include "core/plugin/services/host.hpp"

#include <string_view>
#include <type_traits>

#include "core/proc/process_service.hpp"

namespace skep::plugin {
namespace {

const void* find_service(const skep_host*, const char* id) {
  if (id == nullptr) return nullptr;
  const std::string_view wanted(id);
  if (wanted == SKEP_SVC_LOG) return &log_service();
  if (wanted == SKEP_SVC_HTTP) return &http_service();
  if (wanted == SKEP_SVC_PROCESS) return proc::process_service();
  return nullptr;
}

static_assert(std::is_standard_layout_v<PluginHost>, "a handle is the address of its PluginHost");

}  // namespace

PluginHost::PluginHost(std::string plugin_id)
    : abi_{sizeof(skep_host), SKEP_ABI_MINOR, find_service}, plugin_id_(std::move(plugin_id)) {}

}  // namespace skep::plugin
