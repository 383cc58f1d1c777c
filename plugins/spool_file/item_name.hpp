// File names of items: <payload_type>-<YYYYMMDDTHHMMSS.uuuuuuZ>-<task_id>.json
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spool {

/// Microseconds since 1970 UTC.
using Micros = std::int64_t;

struct ItemName {
  std::string payload_type;
  std::string task_id;
  std::optional<Micros> time;  ///< nothing: the name holds no readable time, take the file's
};

std::string format_time(Micros time);
std::string format_name(std::string_view payload_type, Micros time, std::string_view task_id);
/// Nothing when `name` is not the name of an item. Also reads a time in epoch seconds or ms.
std::optional<ItemName> parse_name(std::string_view name);
bool is_payload_type(std::string_view word);
/// [A-Za-z0-9][A-Za-z0-9._-]{0,127}
bool is_task_id(std::string_view word);
/// The wall clock.
Micros wall_now();

}  // namespace spool
