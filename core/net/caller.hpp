// Who makes a request, and what they may do. The row of a route names the right that it needs;
// guard.hpp checks it before the handler runs.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace skep::net {

/// One thing a caller may do. Rights are apart: a worker cannot do what an operator does.
enum class Right : unsigned {
  kNone = 0,           ///< nothing is needed
  kOperate = 1u << 0,  ///< people and the CLI
  kWork = 1u << 1,     ///< what a worker says and fetches
  kJoin = 1u << 2,     ///< to become a worker of the fleet
  kProbe = 1u << 3,  ///< to ask whether it lives and is well: who is known, and others when told so
};
/// The word in openapi.json: "open", "operator", "worker", "newcomer" or "known".
std::string_view to_string(Right r);

/// A set of rights.
class Rights {
 public:
  constexpr Rights() = default;
  constexpr Rights(Right r) : bits_(static_cast<unsigned>(r)) {}
  constexpr friend Rights operator|(Rights a, Rights b) {
    a.bits_ |= b.bits_;
    return a;
  }
  constexpr bool has(Right r) const {
    return (bits_ & static_cast<unsigned>(r)) == static_cast<unsigned>(r);
  }

 private:
  unsigned bits_ = 0;
};
inline constexpr Rights operator|(Right a, Right b) { return Rights(a) | Rights(b); }

struct Caller {
  enum class Kind {
    kAnonymous,  ///< proved nothing
    kOperator,   ///< a person, or a program in a person's name
    kWorker,     ///< a worker of the fleet; `name` is its id
    kNewcomer,   ///< may become one
  };
  Kind kind = Kind::kAnonymous;
  std::string name{};  ///< for logs and events: "token", "uid 0", a worker's id; "" = unknown
  Rights rights{};
  std::string_view unknown{};  ///< why it is anonymous, in words for people; a literal

  bool may(Right r) const { return rights.has(r); }
};
std::string_view to_string(Caller::Kind k);

/// What a connection and the head of a request say of their sender.
struct Credentials {
  std::string_view bearer;  ///< of the header Authorization, "" = none
  /// The local user who sends it, when the kernel says who, and for himself and not for others.
  std::optional<uid_t> uid{};
  bool own_socket = false;  ///< came through the node's UNIX socket
};
/// Says who that is. Called on a network thread for each request: it returns at once. [any]
using Identify = std::function<Caller(const Credentials&)>;

/// Whom a server knows.
struct KnownCallers {
  std::string token{};          ///< of the operator, "" = none
  bool trust_local_uid = true;  ///< over TCP; on the node's socket the kernel's word always counts
  /// Whose the bearer token is when it is not the operator's; anonymous = nobody's. May be empty.
  std::function<Caller(std::string_view bearer)> others{};
  bool others_may_be_elsewhere =
      false;                 ///< there is reason to serve other machines without `token`
  bool open_probes = false;  ///< everybody may ask whether it lives and is well
};

/// A bearer token alone decides, also when it is wrong. Without one root and the node's own user
/// are the operator, where the kernel knows them. On the node's socket these two need none and
/// nobody else gets in.
Identify identify_by(KnownCallers known);

/// Compares without telling by its time how much is right. "" is nobody's secret.
bool same_secret(std::string_view given, std::string_view secret);

}  // namespace skep::net
