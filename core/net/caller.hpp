// Who makes a request, and what they may do. The row of a route names the right that it needs;
// guard.hpp checks it before the handler runs.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace skep::net {

/// One thing a caller may do. Rights are apart: a worker cannot do what an operator does.
enum class Right : unsigned {
  kNone = 0,           ///< nothing is needed: liveness, readiness
  kOperate = 1u << 0,  ///< people and the CLI
  kWork = 1u << 1,     ///< what a worker says and fetches
};
/// The word in openapi.json: "open", "operator" or "worker".
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
    kWorker,     ///< a worker of the fleet
  };
  Kind kind = Kind::kAnonymous;
  std::string name{};  ///< for logs and events: "token", "uid 0", a worker's id; "" = unknown
  Rights rights{};

  bool may(Right r) const { return rights.has(r); }
};
std::string_view to_string(Caller::Kind k);

/// What a connection and the head of a request say of their sender.
struct Credentials {
  std::string_view bearer;  ///< of the header Authorization, "" = none
  bool own_socket = false;  ///< came through the UNIX socket that only the node's user may open
  bool loopback = false;    ///< came to a loopback address
};
/// Says who that is. Called on a network thread for each request: it returns at once. [any]
using Identify = std::function<Caller(const Credentials&)>;

/// One token for everybody who works with the node; "" asks for none, and then everybody who
/// reaches it may do everything. Compares without telling by its time how much is right.
Identify identify_by_token(std::string token);

}  // namespace skep::net
