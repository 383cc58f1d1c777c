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

/// Whether the request is its sender's own, as far as it says: no proxy passed it on, no page of
/// another origin made his browser send it. Only then his user counts.
bool speaks_for_himself(const Head& head);

/// 401 when somebody unknown lacks `needed`, 403 when somebody known does.
Refusal check_right(Right needed, const Caller& caller);

/// 403 when a worker speaks for another one: the {id} in the path of a worker's route is its own.
Refusal check_worker(const Route& route, const std::map<std::string, std::string>& params,
                     const Caller& caller);

/// 400 names a query parameter that the route does not take, and the nearest that it does.
Refusal check_query(const Route& route, const HttpRequest& request);

/// 411, 413 or 415 for a body that the route does not take.
Refusal check_body(const Head& head, const Route& route);

/// 413 for a body of more values than the route takes.
Refusal check_values(std::string_view body, const Route& route);

/// 404 with the nearest path, or 405 with Allow.
HttpResponse no_route(const Router& router, const RouteMatch& match, std::string_view method,
                      std::string_view path);

}  // namespace skep::net
