// A response as bytes.
#pragma once

#include <string>

#include "core/net/http.hpp"

namespace skep::net {

/// True when a response of this status has a body and, unless it is a stream, says its length.
bool has_body(int status);

/// Status line and headers with the empty line. A header that would break the framing (a control
/// byte in its name or value) makes the whole response a 500, in place. [any]
std::string response_head(HttpResponse& response, bool keep_alive);

}  // namespace skep::net
