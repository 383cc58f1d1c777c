#include "core/plugin/boundary.hpp"

namespace skep::plugin {

Error threw(std::string_view what) {
  return internal_error("an exception crossed the C boundary, which no plugin may let happen: " +
                        clean_message(to_view(what)));
}

Error bad_return(skep_rc rc) {
  return internal_error("returned " + std::to_string(rc) +
                        ", which is neither 0 nor an error code");
}

Called judged(skep_rc rc, const ErrBuffer& buffer) {
  if (rc > 0) return {bad_return(rc), CallEnd::kFault};
  const bool bug = rc == SKEP_E_INTERNAL || rc == SKEP_E_CORRUPT;
  return {buffer.status(rc), bug ? CallEnd::kFault : CallEnd::kOk};
}

}  // namespace skep::plugin
