// The host as one generation of a plugin sees it: its skep_host handle and the services behind it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "skep/abi/base.h"
#include "skep/svc/http.h"
#include "skep/svc/kv.h"
#include "skep/svc/log.h"
#include "skep/svc/metric.h"
#include "skep/svc/process.h"
#include "skep/svc/task.h"

namespace skep::plugin {

/// One per loaded generation, so that a service knows who calls. Never freed before the process
/// ends: code that a plugin left behind may call at any time, and finds a tombstone.
class PluginHost {
 public:
  /// `state_dir` is the node's, "" = none; `generation` is for messages.
  explicit PluginHost(std::string plugin_id, std::string state_dir = {},
                      std::uint64_t generation = 0);
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  const skep_host* handle() const { return &abi_; }
  const std::string& plugin_id() const { return plugin_id_; }
  const std::string& state_dir() const { return state_dir_; }
  std::uint64_t generation() const { return generation_; }

  /// After close(): services answer SKEP_E_STATE from now on. [any]
  void entomb() { buried_ = true; }
  /// kState for a generation that is gone; the first such call is logged with its name. [any]
  Status admit(std::string_view service) const;
  /// Calls that came too late. [any]
  std::uint64_t late_calls() const { return late_calls_; }

  /// The object behind a handle that some PluginHost gave out.
  static const PluginHost& of(const skep_host* handle) {
    return *reinterpret_cast<const PluginHost*>(handle);
  }

 private:
  skep_host abi_;  // first member: the handle is the object's address
  std::string plugin_id_;
  std::string state_dir_;
  std::uint64_t generation_;
  std::atomic<bool> buried_{false};
  mutable std::atomic<std::uint64_t> late_calls_{0};
};

const skep_svc_log_v1& log_service();
/// Where the log lines of plugins go instead of this process's own log. Set once, before the first
/// plugin; the function is called on any thread.
using LogSink = void (*)(std::uint32_t level, std::string_view event, std::string_view fields_json);
void set_log_sink(LogSink sink);
const skep_svc_metric_v1& metric_service();
const skep_svc_http_v1& http_service();
const skep_svc_process_v1& process_service();
const skep_svc_kv_v1& kv_service();
const skep_svc_task_v1& task_service();

/// Whose kv space a call (never null) uses: a plugin's id or "script:NAME". This process sets it
/// once, before the first plugin runs; a host of TaskCalls needs not.
using OwnerResolver = std::string (*)(skep_call* call);
void set_owner_resolver(OwnerResolver resolver);

}  // namespace skep::plugin
