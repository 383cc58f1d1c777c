// Lines and base64 of minisign's files.
#pragma once

#include <sodium.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.hpp"

namespace skep::trust {

/// Exactly `size` bytes out of strict, padded base64; nothing otherwise.
inline std::optional<std::vector<unsigned char>> from_base64(std::string_view text,
                                                             std::size_t size) {
  // libsodium takes bytes with the high bit for letters; one signature has one text here.
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  if (text.find_first_not_of(kAlphabet) != std::string_view::npos) return std::nullopt;
  std::vector<unsigned char> out(size);
  std::size_t got = 0;
  if (sodium_base642bin(out.data(), size, text.data(), text.size(), nullptr, &got, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      got != size)
    return std::nullopt;
  return out;
}

inline std::string to_base64(const unsigned char* bytes, std::size_t size) {
  std::string out(sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes, size, sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // its terminator
  return out;
}

/// The lines without their ends; the empty one after a last newline is left out.
inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out = split(text, '\n');
  if (out.back().empty()) out.pop_back();
  for (std::string& line : out)
    if (line.ends_with('\r')) line.pop_back();
  return out;
}

}  // namespace skep::trust
