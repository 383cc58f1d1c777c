// Secret keys in minisign's own file format, plain (minisign -W) or under a password.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/trust/minisign.hpp"

namespace skep::trust {

/// Wiped when it goes. Not for copying.
class SecretKey {
 public:
  static SecretKey generate();
  /// Text of a secret key file. `password` opens a protected one; kDenied when it is needed and
  /// missing, or wrong. A protected key takes seconds and up to a GiB, as its file demands; more is
  /// kInvalid.
  static Result<SecretKey> parse(std::string_view text, const std::optional<std::string>& password);
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&&) = delete;
  ~SecretKey();

  PublicKey public_key() const;
  Signature sign(const Blake2b& digest, std::string comment) const;
  /// The text of a secret key file, protected when there is a password. kNoMemory when the machine
  /// has no GiB to spare for that.
  Result<std::string> file(const std::optional<std::string>& password) const;

 private:
  SecretKey() = default;
  KeyId id_{};
  Ed25519 seed_and_point_{};
};

}  // namespace skep::trust
