// A host in the test's own process for one task component: real schemas, real processes, recorded
// channels. The plugin's table comes from the plugin's own skep_plugin_entry_v1(), linked in.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "skep/abi/base.h"
#include "skep/json.hpp"

namespace skep::test {

/// Everything one run of a task said.
struct TaskRun {
  skep_rc rc = 0;
  skep_rc fail_code = 0;  ///< of the last fail()
  std::uint32_t retry_ms = 0;
  std::string message;  ///< of the last fail()
  std::string out;
  std::string err;
  std::string result;  ///< of the last emit on the result channel
  std::vector<std::string> logs;
  Json json() const { return result.empty() ? Json() : Json::parse(result); }
};

struct TaskOptions {
  Millis deadline{0};  ///< from now; 0 = none
  /// Called on the task's thread for each piece of output, before it is recorded.
  std::function<void(std::string_view bytes)> on_output{};
};

class FakeHost {
 public:
  /// Creates and starts the first component of the manifest beside its defaults and `config_json`.
  /// Throws std::runtime_error with what the schema or the plugin said.
  FakeHost(const skep_plugin_v1* plugin, const std::string& manifest_path,
           std::string_view config_json = "{}");
  ~FakeHost();
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  /// Validates `params_json`, fills its defaults, runs the task on this thread. [any]
  /// Throws std::runtime_error with the first problem when params do not fit the schema.
  TaskRun run(std::string_view params_json, const TaskOptions& options = {});
  /// Cancels every task that runs now or later. [any]
  void cancel(int reason = 1);
  /// What plugins wrote to skep.svc.log/1: "event fields". [any]
  static std::vector<std::string> log_lines();

 private:
  const skep_plugin_v1* plugin_;
  std::string params_schema_;
  skep_inst* instance_ = nullptr;
  const void* task_ = nullptr;
  std::atomic<int> cancelled_{0};
  int cancel_fd_ = -1;
};

}  // namespace skep::test
