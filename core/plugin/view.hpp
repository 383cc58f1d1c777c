// Borrowed bytes of the ABI as text, and errors of the core as errors of the ABI.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "skep/abi/base.h"

namespace skep::plugin {

inline std::string_view text(skep_view v) {
  return {static_cast<const char*>(v.p), v.p == nullptr ? 0 : static_cast<std::size_t>(v.n)};
}
inline skep_view to_view(std::string_view s) { return {s.data(), s.size()}; }
/// Borrowed from `texts`.
std::vector<skep_view> views(std::span<const std::string> texts);
/// How the ABI counts.
inline std::uint32_t count_of(std::size_t n) { return static_cast<std::uint32_t>(n); }

/// The same text with bytes that are not UTF-8 replaced by U+FFFD: plugins may send anything.
std::string clean_text(skep_view v);

/// Clean text for people, such as the message of an error: of one that is longer than this, the
/// beginning and "... (N bytes)". Applied again it changes nothing.
inline constexpr std::size_t kMaxMessage = 16u << 10;
std::string clean_message(skep_view v);

/// Writes the error's message into the plugin's buffer and returns its code.
skep_rc put_error(skep_err* out, const Error& error);

}  // namespace skep::plugin
