// Public keys and detached signatures in minisign's own formats: Ed25519 over the BLAKE2b-512 of
// the file, and over that signature together with the trusted comment. Legacy signatures, made over
// the whole file, are refused.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/limits.hpp"
#include "core/base/result.hpp"

namespace skep::trust {

using KeyId = std::array<unsigned char, 8>;
using Blake2b = std::array<unsigned char, 64>;
using Ed25519 = std::array<unsigned char, 64>;

/// "7E3F0A1B2C3D4E5F", as minisign prints it.
std::string key_text(const KeyId& id);

struct PublicKey {
  KeyId id{};
  std::array<unsigned char, 32> point{};

  /// The base64 line alone, or a public key file: a comment line, then that line. kInvalid says
  /// what is wrong.
  static Result<PublicKey> parse(std::string_view text);
  std::string line() const;  ///< "RW.."
  std::string file() const;
  bool operator==(const PublicKey&) const = default;
};

struct Signature {
  KeyId key{};
  Ed25519 over_file{};
  std::string comment;  ///< the trusted one; of an unverified signature, anybody's text
  Ed25519 over_comment{};

  /// A .minisig file of at most kMaxSignatureBytes. kInvalid names the line that is wrong.
  static Result<Signature> parse(std::string_view text);
  std::string file() const;
};

/// kDenied when the key did not sign a file of this digest, or not this comment.
Status verify(const PublicKey& key, const Signature& signature, const Blake2b& digest);

/// What a signature's trusted comment says of its file: "id=com.acme.disk version=1.0.0
/// abi=skep/1".
std::string comment_of(std::string_view id, std::string_view version, std::string_view abi);

/// What the signature over the comment signs. [any]
std::string signed_comment(const Signature& signature);

}  // namespace skep::trust
