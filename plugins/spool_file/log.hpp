// Log lines of the spool.
#pragma once

#include "skep/json.hpp"
#include "skep/plugin.hpp"

namespace spool {

inline void note(std::uint32_t level, std::string_view event,
                 std::initializer_list<skep::Json::Member> fields) {
  skep::log(level, event, skep::Json::object(fields).dump());
}

}  // namespace spool
