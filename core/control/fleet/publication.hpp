// Whether a wish to publish makes sense, by itself and beside what was published before. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/control/fleet/fleet_registry.hpp"

namespace skep::control {

/// kInvalid names what is wrong: name, version, size, hash, content, targets.
Status check_publication(const Publication& p, const std::string& sha256);

/// Gives `p` the types and schemas of its file. kInvalid "release-mismatch" when `p` declares
/// others, or another name or version.
Status adopt(SelfDescription file, Publication& p);

/// The release that it becomes, without id, times and canaries. kInvalid "wrong-architecture" for a
/// plugin of no known machine.
Result<Release> release_of(const Publication& p, const std::string& sha256);

/// Null when `r` may be added, the standing release when `r` would only repeat it. kState
/// "name-taken" when a release of another name that is not withdrawn or rolled back has one of its
/// names: who published it first keeps them.
Result<const Release*> fits_history(const std::vector<Release>& releases, const Release& r);

}  // namespace skep::control
