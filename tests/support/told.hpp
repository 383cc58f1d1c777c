// What a plugin that is linked into the test tells its host.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "skep/plugin.hpp"
#include "skep/svc/log.h"
#include "skep/svc/metric.h"

namespace skep::test {

/// One at a time: the plugin has one host.
class Told {
 public:
  Told() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
    set_host(&abi_);
  }
  ~Told() { set_host(nullptr); }

  /// How many lines name the event and hold the text.
  static std::size_t lines(std::string_view event, std::string_view part) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(lines_.begin(), lines_.end(), [&](const std::string& line) {
          return line.starts_with(event) && line.find(part) != std::string::npos;
        }));
  }
  static double gauge(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return gauges_[name];
  }

 private:
  static void write(const skep_host*, std::uint32_t, skep_view event, skep_view fields) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::string(text(event)) + " " + std::string(text(fields)));
  }
  static void set_gauge(const skep_host*, skep_view name, double value) {
    const std::lock_guard lock(mutex_);
    gauges_[std::string(text(name))] = value;
  }
  static const void* find(const skep_host*, const char* id) {
    static const skep_svc_log_v1 log{sizeof(log), 0, write};
    static const skep_svc_metric_v1 metric{sizeof(metric), 0, set_gauge};
    if (std::string_view(id) == SKEP_SVC_LOG) return &log;
    return std::string_view(id) == SKEP_SVC_METRIC ? &metric : nullptr;
  }

  static inline std::mutex mutex_;
  static inline std::vector<std::string> lines_;
  static inline std::map<std::string, double> gauges_;
  const skep_host abi_{sizeof(skep_host), SKEP_ABI_MINOR, find};
};

}  // namespace skep::test
