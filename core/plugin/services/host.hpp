// The host as one plugin sees it: its skep_host handle and the service tables behind it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "skep/abi/base.h"
#include "skep/svc/http.h"
#include "skep/svc/log.h"
#include "skep/svc/process.h"

namespace skep::plugin {

/// One per loaded plugin, so that a service knows who calls. Must outlive the plugin's close().
class PluginHost {
 public:
  explicit PluginHost(std::string plugin_id);
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  const skep_host* handle() const { return &abi_; }
  const std::string& plugin_id() const { return plugin_id_; }
  /// The object behind a handle that some PluginHost gave out.
  static const PluginHost& of(const skep_host* handle) {
    return *reinterpret_cast<const PluginHost*>(handle);
  }

 private:
  skep_host abi_;  // first member: the handle is the object's address
  std::string plugin_id_;
};

const skep_svc_log_v1& log_service();
/// Where the log lines of plugins go instead of this process's own log. Set once, before the first
/// plugin; the function is called on any thread.
using LogSink = void (*)(std::uint32_t level, std::string_view event, std::string_view fields_json);
void set_log_sink(LogSink sink);
const skep_svc_http_v1& http_service();

}  // namespace skep::plugin
