// Calls into plugin code: messages brought home, exceptions stopped.
#pragma once

#include <exception>
#include <string_view>
#include <utility>

#include "core/base/result.hpp"
#include "core/plugin/adapters/abi_error.hpp"
#include "core/plugin/generation.hpp"

namespace skep::plugin {

/// What a plugin did that no plugin may do.
Error threw(std::string_view what);
Error bad_return(skep_rc rc);

/// What one call into plugin code came to.
struct Called {
  Status status;
  CallEnd end = CallEnd::kOk;  ///< kFault: a bug or damage by its own word, or an answer that no
                               ///< plugin may give; kCrash: it threw
};
/// REQUIRES: rc is what the plugin returned, with its message in `buffer`.
Called judged(skep_rc rc, const ErrBuffer& buffer);

/// Runs `call(skep_err*)`. A plugin whose exception crosses the C boundary breaks the contract; it
/// costs that call and not the host.
template <class Call>
Called call_code(Call&& call) {
  ErrBuffer buffer;
  try {
    return judged(call(buffer.out()), buffer);
  } catch (const std::exception& e) {
    return {threw(e.what()), CallEnd::kCrash};
  } catch (...) {
    return {threw("an exception of unknown type"), CallEnd::kCrash};
  }
}

/// The same where only success counts, with what was being done in front of the error.
template <class Call>
Status call_plugin(std::string_view doing, Call&& call) {
  const Status status = call_code(std::forward<Call>(call)).status;
  if (!status) return status.error().within(doing);
  return Status();
}

}  // namespace skep::plugin
