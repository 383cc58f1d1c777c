// Lines that plugins write into the host's log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/log.hpp"

namespace skep::plugin {

/// SKEP_LOG_*; a level that is unknown counts as an error. [any]
log::Level level_of(std::uint32_t level);

/// `fields` (an object, "", or text that is none) with `members` ("\"task_id\":\"t1\"") in front,
/// as one object. [any]
std::string with_members(std::string_view members, std::string_view fields);

/// Where the lines of plugins go instead of this process's own log. Set once, before the first
/// plugin; the function is called on any thread.
using LogSink = void (*)(std::uint32_t level, std::string_view event, std::string_view fields_json);
void set_log_sink(LogSink sink);

/// One line of plugin `id`, without what `owner` must not say (masks.hpp). [any]
void write_line(std::uint32_t level, std::string_view id, std::string_view owner,
                std::string_view event, std::string_view members, std::string_view fields);

}  // namespace skep::plugin
