// SHA-256 of bytes that come piece by piece.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace skep {

/// Used by one thread at a time.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  /// Of all that came so far, as 64 lower-case hex digits; more may follow.
  std::string hex() const;

 private:
  alignas(8) std::array<unsigned char, 128> state_{};
};

}  // namespace skep
