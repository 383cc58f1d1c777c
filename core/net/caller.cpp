#include "core/net/caller.hpp"

#include <unistd.h>

namespace skep::net {
namespace {

Caller operator_called(std::string name) {
  return {Caller::Kind::kOperator, std::move(name), Right::kOperate | Right::kWork | Right::kJoin};
}

Caller nobody(std::string_view why) { return {Caller::Kind::kAnonymous, {}, {}, why}; }

bool is_operator(const std::optional<uid_t>& uid) {
  return uid && (*uid == 0 || *uid == ::geteuid());
}

Caller caller_of(const KnownCallers& known, const Credentials& c) {
  const bool local = is_operator(c.uid);
  if (local && c.own_socket) return operator_called("uid " + std::to_string(*c.uid));
  if (c.bearer.empty() && !known.trust_local_uid)
    return nobody("no token came, and [http] trust_local_uid is false");
  if (c.bearer.empty())
    return local
               ? operator_called("uid " + std::to_string(*c.uid))
               : nobody("no token came; root and the node's own user need none on its own machine");
  if (same_secret(c.bearer, known.token)) return operator_called("token");
  Caller other = known.others ? known.others(c.bearer) : Caller{};
  if (other.kind != Caller::Kind::kAnonymous) return other;
  return nobody("the token that came is nobody's, and a wrong one counts, also root's");
}

}  // namespace

bool same_secret(std::string_view given, std::string_view secret) {
  if (secret.empty()) return false;
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    difference |= static_cast<unsigned char>(given[i] ^ secret[i % secret.size()]);
  return difference == 0;
}

std::string_view to_string(Right r) {
  switch (r) {
    case Right::kNone:
      return "open";
    case Right::kOperate:
      return "operator";
    case Right::kWork:
      return "worker";
    case Right::kJoin:
      return "newcomer";
    case Right::kProbe:
      return "known";
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
    case Caller::Kind::kNewcomer:
      return "newcomer";
  }
  return "anonymous";
}

Identify identify_by(KnownCallers known) {
  return [known = std::move(known)](const Credentials& c) {
    Caller caller = caller_of(known, c);
    if (known.open_probes || caller.kind != Caller::Kind::kAnonymous)
      caller.rights = caller.rights | Right::kProbe;
    return caller;
  };
}

}  // namespace skep::net
