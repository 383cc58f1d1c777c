// The node's events: what happened to plugins, scripts and configuration, for people and programs
// that follow along. Each event is a log line as well.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/log.hpp"

namespace skep::events {

struct Event {
  std::uint64_t id = 0;  ///< grows by one; starts at 1 in each process
  WallMs at = 0;
  std::string name;    ///< "plugin.active"
  std::string fields;  ///< JSON object
};

/// Keeps the event among the newest 1024 and writes it to the log. [any]
void publish(log::Level level, std::string_view name, std::initializer_list<log::Field> fields);

/// At most `max` events after `id`, oldest first; waits for one at most `timeout`. Events that are
/// no longer kept are skipped: then the first id is not id + 1. [any]
std::vector<Event> since(std::uint64_t id, std::size_t max, Millis timeout, std::stop_token stop);

/// The id of the newest event, 0 = none yet. [any]
std::uint64_t newest();

/// How many events of each name there were since the process started. [any]
std::map<std::string, std::uint64_t> counts();

/// Patterns of names: a whole name, or a beginning and "*"; with a "!" before it, all others.
bool is_pattern(std::string_view text);
/// Is `name` what one of the patterns says, and none with a "!"? Pure.
bool matches(std::span<const std::string> patterns, std::string_view name);

}  // namespace skep::events
