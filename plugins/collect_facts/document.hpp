// The result document: what each member is, counted and explained.
#pragma once

#include <cstdint>

#include "skep/json.hpp"

namespace skep::facts {

/// How many strings, numbers and booleans are in it.
std::int64_t count_leaves(const Json& value);
/// {"memory.total_bytes":{"type":"integer","unit":"bytes"}, ..}: one entry per kind of member; the
/// items of an array share "name[]". Units come from the ends of the names: the one convention.
Json describe(const Json& facts);

}  // namespace skep::facts
