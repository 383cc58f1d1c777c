#include "core/net/caller.hpp"

namespace skep::net {
namespace {

constexpr Rights kEverything = Right::kOperate | Right::kWork;

bool same_secret(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    difference |= static_cast<unsigned char>(given[i] ^ secret[i % secret.size()]);
  return difference == 0;
}

}  // namespace

std::string_view to_string(Right r) {
  switch (r) {
    case Right::kNone:
      return "open";
    case Right::kOperate:
      return "operator";
    case Right::kWork:
      return "worker";
  }
  return "operator";
}

std::string_view to_string(Caller::Kind k) {
  switch (k) {
    case Caller::Kind::kAnonymous:
      return "anonymous";
    case Caller::Kind::kOperator:
      return "operator";
    case Caller::Kind::kWorker:
      return "worker";
  }
  return "anonymous";
}

Identify identify_by_token(std::string token) {
  return [token = std::move(token)](const Credentials& c) -> Caller {
    if (c.own_socket) return {Caller::Kind::kOperator, "socket", kEverything};
    if (!token.empty() && same_secret(c.bearer, token))
      return {Caller::Kind::kOperator, "token", kEverything};
    return {Caller::Kind::kAnonymous, "", token.empty() ? kEverything : Rights()};
  };
}

}  // namespace skep::net
