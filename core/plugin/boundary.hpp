// Calls into plugin code: messages brought home, exceptions stopped.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/plugin/adapters/abi_error.hpp"

namespace skep::plugin {

/// What a plugin did that no plugin may do.
Error threw(std::string_view what);
Error bad_return(skep_rc rc);

/// Runs `call(skep_err*)`. A plugin whose exception crosses the C boundary breaks the contract; it
/// costs that call and not the host.
template <class Call>
Status call_plugin(std::string_view doing, Call&& call) {
  ErrBuffer buffer;
  try {
    const skep_rc rc = call(buffer.out());
    if (rc > 0) return bad_return(rc).within(doing);
    if (const Status status = buffer.status(rc); !status) return status.error().within(doing);
    return Status();
  } catch (const std::exception& e) {
    return threw(e.what()).within(doing);
  } catch (...) {
    return threw("an exception of unknown type").within(doing);
  }
}

}  // namespace skep::plugin
