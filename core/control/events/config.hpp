// What the configuration says of the durable events: the values as written, and their rows.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skep::config {
struct Key;
}

namespace skep::control {

struct EventConfig {
  /// Patterns of the kinds of events that are kept.
  std::vector<std::string> events{"*", "!task.succeeded"};
  int max_events = 1'000'000;
};

/// Every kind of durable event. [any]
std::span<const std::string_view> event_kinds();
/// Rows of the section [control], for core/config/keys.cpp. [any]
std::span<const config::Key> event_keys();

}  // namespace skep::control
