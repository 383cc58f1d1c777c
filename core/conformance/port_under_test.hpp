// A component of a kind that the host uses through a port, in the hands of a test.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/conformance/plugin_under_test.hpp"
#include "core/plugin/adapters/slot.hpp"

namespace skep::conformance {

inline constexpr const char* kKindRules = "keep what the kind's header in skep/kind/ promises";

/// Broken with `otherwise` unless it holds.
inline void expect(bool holds, const std::string& otherwise) {
  if (!holds) throw Broken(otherwise, kKindRules);
}

/// What the function answered; Broken, with the plugin's own words, when it failed.
template <class T>
T said(Result<T> answer, const std::string& function) {
  if (answer) return std::move(*answer);
  throw Broken(function + " failed: " + answer.error().message, kKindRules);
}
inline void said(const Status& answer, const std::string& function) {
  if (!answer) throw Broken(function + " failed: " + answer.error().message, kKindRules);
}

/// The subject's component, started, behind the adapter that the host uses.
template <class Adapter>
class PortUnderTest {
 public:
  explicit PortUnderTest(const Subject& subject) : subject_(subject) { start(); }
  Adapter* operator->() { return &*port_; }
  /// Stops, unloads, loads and starts it with the same settings.
  void restart() {
    end();
    start();
  }
  void end() {
    port_.reset();
    instance_->end();
  }

 private:
  void start() {
    instance_.emplace(subject_, Instance::State::kStarted);
    port_.emplace(plugin::fixed_slot(instance_->iface(), instance_->handle(), {}));
  }

  const Subject& subject_;
  std::optional<Instance> instance_;
  std::optional<Adapter> port_;
};

}  // namespace skep::conformance
