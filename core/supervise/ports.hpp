// Is an address free before a child is told to listen there?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace skep::supervise {

/// The first of `addresses` ("127.0.0.1:9595") that somebody else listens on; nothing when all are
/// free. Errors other than that are errors.
Result<std::optional<std::string>> first_taken(const std::vector<std::string>& addresses);

}  // namespace skep::supervise
