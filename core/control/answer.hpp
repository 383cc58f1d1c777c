// Answers of the worker protocol. Each says whom it is for: a worker acts on no other.
#pragma once

#include "core/api/wire.hpp"
#include "core/net/http.hpp"

namespace skep::control {

inline net::HttpResponse refuse(const api::Addressee& to, const Error& error) {
  return net::HttpResponse::problem(error, api::addressed_to(to));
}

/// `reply` is a document of the wire with a member `to`.
template <class Reply>
net::HttpResponse answer_to(const api::Addressee& to, Result<Reply> reply) {
  if (!reply) return refuse(to, reply.error());
  reply->to = to;
  return net::HttpResponse::json(api::encode(*reply));
}

}  // namespace skep::control
