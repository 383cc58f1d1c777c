// Bounds that several roles share.
#pragma once

#include <cstddef>

namespace skep {

/// The largest FILE.minisig that is read, sent or kept anywhere.
inline constexpr std::size_t kMaxSignatureBytes = 16u << 10;

}  // namespace skep
