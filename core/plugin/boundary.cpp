#include "core/plugin/boundary.hpp"

namespace skep::plugin {

Error threw(std::string_view what) {
  return internal_error("an exception crossed the C boundary, which no plugin may let happen: " +
                        std::string(what));
}

Error bad_return(skep_rc rc) {
  return internal_error("returned " + std::to_string(rc) +
                        ", which is neither 0 nor an error code");
}

}  // namespace skep::plugin
