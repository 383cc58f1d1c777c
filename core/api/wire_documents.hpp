// The documents of the worker protocol (wire.hpp, releases.hpp), described.
#pragma once

#include "core/api/document.hpp"

namespace skep::api {

/// Registration, Beat, ClaimRequest, ReleaseRequest, ResultsRequest, their replies and parts,
/// DesiredReleases.
Documents wire_documents();

}  // namespace skep::api
