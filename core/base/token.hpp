// Bearer tokens as files hold them.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace skep {

/// The token in `text`, the content of `file`, without surrounding white space. kConfig unless that
/// is one line of printable characters; the message names the file and never what is in it.
Result<std::string> token_in(std::string_view text, const std::string& file);

}  // namespace skep
