// Base64 of RFC 4648 section 4, with padding: bytes as text, for JSON and for stores.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace skep {

std::string base64_encode(std::string_view bytes);
/// kInvalid unless the text is canonical: padded, without white space. [any]
Result<std::string> base64_decode(std::string_view text);

}  // namespace skep
