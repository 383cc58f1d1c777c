#include "core/base/token.hpp"

#include <algorithm>

#include "core/base/text.hpp"
#include "core/base/utf8.hpp"

namespace skep {

Result<std::string> token_in(std::string_view text, const std::string& file) {
  const std::string_view token = trim(text);
  const bool controls = std::any_of(token.begin(), token.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  if (token.empty() || controls || !is_utf8(token))
    return config_error(file + " does not hold one line of printable characters")
        .with_next("write the token into it, and nothing else");
  return std::string(token);
}

}  // namespace skep
