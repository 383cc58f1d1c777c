// A control plane or node that goes away while a command waits for it.
#pragma once

#include <cstdint>

#include "core/cli/base/client.hpp"
#include "core/cli/base/console.hpp"

namespace skep::cli {

/// For one who asks again and again, of one client. A control plane that never answered is no
/// absence: the command named the wrong one.
class Absence {
 public:
  /// Both must outlive it. A time away is borne for `client.patience()`.
  Absence(const Client& client, const Console& console) : client_(client), console_(console) {}
  /// Whether `failure` is an absence (nobody answers, or one that is busy) that can still be borne.
  /// Then, after a pause, one asks again: the pauses grow, are no shorter than the answer asks for
  /// and no longer than `at_most`; an interrupt ends them. Says on `err` when an absence begins.
  bool bear(const Failure& failure, Millis at_most = Millis::max());

 private:
  const Client& client_;
  const Console& console_;
  std::uint64_t answers_ = 0;  ///< the client's when this absence began; 0 = there was none
  MonoMs since_ = 0;
  Millis pause_{0};
};

}  // namespace skep::cli
