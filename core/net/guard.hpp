// Who may speak to the server, decided from the head alone.
#pragma once

#include <string_view>

#include "core/net/head.hpp"

namespace skep::net {

/// True for localhost, [::1] and 127.x.y.z, with or without a port.
bool is_loopback_authority(std::string_view host);

/// On a loopback listener Host and Origin must be loopback names: a page in a browser reaches the
/// port (by its own name that resolves to 127.0.0.1, or by a cross-site request) but can forge
/// neither header.
Refusal check_loopback_caller(const Head& head);

/// What follows "Bearer " in the header Authorization; "" when it is something else.
std::string_view bearer_of(const Head& head);

/// 401 when somebody unknown lacks `needed`, 403 when somebody known does.
Refusal check_right(Right needed, const Caller& caller);

/// 400 names a query parameter that the route does not take, and the nearest that it does.
Refusal check_query(const Route& route, const HttpRequest& request);

/// 411, 413 or 415 for a body that the route does not take.
Refusal check_body(const Head& head, const Route& route);

/// 404 with the nearest path, or 405 with Allow.
HttpResponse no_route(const Router& router, const RouteMatch& match, std::string_view method,
                      std::string_view path);

}  // namespace skep::net
