// Bounded reading of files that somebody else may have made.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/trust/minisign.hpp"

namespace skep::trust {

struct Digests {
  std::string sha256;  ///< 64 lower-case hex digits
  Blake2b blake2b{};
};
/// Of a regular file of at most 256 MiB, in one pass with constant memory. Symbolic links are
/// kDenied. [any]
Result<Digests> digest_file(const std::string& path);

/// A whole regular file of at most `cap` bytes; symbolic links are kDenied, a missing file is
/// kNotFound. [any]
Result<std::string> read_regular_file(const std::string& path, std::size_t cap);

}  // namespace skep::trust
