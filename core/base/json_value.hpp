// What JSON values mean, however they are written.
#pragma once

#include <boost/json/value.hpp>

namespace skep {

/// Deep equality in which 1 and 1.0 are the same number, and members have no order.
bool same_value(const boost::json::value& a, const boost::json::value& b);

}  // namespace skep
