// The host as one generation of a plugin sees it: its skep_host handle and the services behind it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "skep/abi/base.h"
#include "skep/svc/http.h"
#include "skep/svc/kv.h"
#include "skep/svc/log.h"
#include "skep/svc/metric.h"
#include "skep/svc/node.h"
#include "skep/svc/process.h"
#include "skep/svc/secret.h"
#include "skep/svc/task.h"

namespace skep::plugin {

/// Which generation of which plugin it is, and on which node.
struct PluginFacts {
  std::string id;
  std::string version{};
  std::uint64_t generation = 0;            ///< for messages
  std::vector<std::string> permissions{};  ///< that its manifest names
  std::string state_dir{};                 ///< of the node, "" = none
  std::string node_id{};
  std::string site{};
  std::string mode = "inproc";  ///< inproc, process, per-task, or check: the conformance kit
};

/// One per loaded generation, so that a service knows who calls. Never freed before the process
/// ends: code that a plugin left behind may call at any time, and finds a tombstone.
class PluginHost {
 public:
  explicit PluginHost(PluginFacts facts);
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  const skep_host* handle() const { return &abi_; }
  const PluginFacts& facts() const { return facts_; }
  const std::string& plugin_id() const { return facts_.id; }
  const std::string& state_dir() const { return facts_.state_dir; }

  /// After close(): services answer SKEP_E_STATE from now on. [any]
  void entomb() { buried_ = true; }
  /// kState for a generation that is gone; the first such call is logged with its name. kDenied for
  /// a service that needs a permission which the manifest does not name. [any]
  Status admit(std::string_view service) const;

  /// The object behind a handle that some PluginHost gave out.
  static const PluginHost& of(const skep_host* handle) {
    return *reinterpret_cast<const PluginHost*>(handle);
  }

 private:
  skep_host abi_;  // first member: the handle is the object's address
  PluginFacts facts_;
  std::atomic<bool> buried_{false};
  mutable std::atomic_flag told_{};  ///< of the first call that came too late
};

const skep_svc_log_v1& log_service();
const skep_svc_metric_v1& metric_service();
/// Where the figures of plugins go instead of this process's own; as set_log_sink() (log_line.hpp).
using MetricSink = void (*)(std::string_view name, double value, bool adds);
void set_metric_sink(MetricSink sink);
const skep_svc_http_v1& http_service();
const skep_svc_process_v1& process_service();
const skep_svc_kv_v1& kv_service();
const skep_svc_task_v1& task_service();
const skep_svc_node_v1& node_service();
const skep_svc_secret_v1& secret_service();
/// Where values come from instead of this process's rules (secret_rules.hpp), set as above.
using SecretSource = Result<std::string> (*)(std::string_view asker, std::string_view name);
void set_secret_source(SecretSource source);

/// The permission that a manifest must name for the use of a service; "" = none. [any]
std::string_view permission_for(std::string_view service);
/// Who asks for something: "script:NAME" of a call that runs a script, else the plugin's id.
std::string asker_of(const PluginHost& host, skep_call* call);

}  // namespace skep::plugin
