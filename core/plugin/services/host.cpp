#include "core/plugin/services/host.hpp"

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/base/events.hpp"
#include "core/plugin/adapters/call_use.hpp"
#include "core/plugin/adapters/task_call.hpp"

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
  if (wanted == SKEP_SVC_NODE) return &node_service();
  if (wanted == SKEP_SVC_SECRET) return &secret_service();
  return nullptr;
}

static_assert(std::is_standard_layout_v<PluginHost>, "a handle is the address of its PluginHost");

}  // namespace

PluginHost::PluginHost(PluginFacts facts)
    : abi_{sizeof(skep_host), SKEP_ABI_MINOR, find_service}, facts_(std::move(facts)) {}

Status PluginHost::admit(std::string_view service) const {
  if (buried_) {
    Error error{Code::kState, "generation " + std::to_string(facts_.generation) + " of plugin " +
                                  facts_.id + " is gone and may call nothing"};
    if (!told_.test_and_set())
      events::publish(log::Level::kError, "plugin.late_call",
                      {{"id", facts_.id},
                       {"generation", facts_.generation},
                       {"service", service},
                       {"reason", "it left a thread or a timer behind"}});
    return error;
  }
  const std::string_view needed = permission_for(service);
  const auto& named = facts_.permissions;
  if (needed.empty() || std::find(named.begin(), named.end(), needed) != named.end()) return {};
  const std::string word = "\"" + std::string(needed) + "\"";
  return Error{Code::kDenied,
               "plugin " + facts_.id + " uses " + std::string(service) +
                   " without the permission " + word +
                   " in its manifest; next: add it to \"permissions\" of the component in "
                   "plugin.json, and build again"};
}

std::string_view permission_for(std::string_view service) {
  if (service == SKEP_SVC_PROCESS) return "process";
  if (service == SKEP_SVC_HTTP) return "http";
  if (service == SKEP_SVC_TASK) return "task";
  return service == SKEP_SVC_SECRET ? "secrets" : "";
}

std::string asker_of(const PluginHost& host, skep_call* call) {
  const CallUse use(call);
  return use.task() == nullptr ? host.plugin_id() : std::string(use.task()->owner());
}

}  // namespace skep::plugin
