#include "core/trust/secret_key.hpp"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

#include "core/trust/text_format.hpp"

namespace skep::trust {
namespace {

// "Ed" kdf[2] "B2" salt[32] ops[8] memory[8], then the part that a password hides: id[8] key[64]
// checksum[32].
constexpr std::size_t kHead = 2 + 2 + 2 + 32 + 8 + 8;
constexpr std::size_t kSalt = 6;
constexpr std::size_t kOps = 38;
constexpr std::size_t kMemory = 46;
constexpr std::size_t kHidden = 8 + 64 + 32;
constexpr std::uint64_t kMaxMemory = crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE;
constexpr std::uint64_t kMaxOps = crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE;
using Checksum = std::array<unsigned char, 32>;

/// Bytes that must not stay in memory.
struct Secret {
  std::vector<unsigned char> bytes;
  ~Secret() { sodium_memzero(bytes.data(), bytes.size()); }
};

/// Lets it pick the fast code of this processor and open its source of random bytes.
void start_sodium() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot start");
}

std::uint64_t little_endian(const unsigned char* at) {
  std::uint64_t out = 0;
  for (int i = 7; i >= 0; --i) out = out << 8 | at[i];
  return out;
}

void put_little_endian(unsigned char* at, std::uint64_t number) {
  for (int i = 0; i < 8; ++i, number >>= 8) at[i] = static_cast<unsigned char>(number);
}

Checksum checksum(const unsigned char* id_and_key) {
  Checksum out{};
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, out.size());
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>("Ed"), 2);
  crypto_generichash_update(&state, id_and_key, 8 + 64);
  crypto_generichash_final(&state, out.data(), out.size());
  return out;
}

/// Whether `id[8] key[64] checksum[32]` belong together. minisign -W leaves the checksum out.
bool is_whole(const unsigned char* hidden, bool is_protected) {
  const unsigned char* key = hidden + 8;
  std::array<unsigned char, 32> point{};
  Secret derived{std::vector<unsigned char>(64)};
  crypto_sign_seed_keypair(point.data(), derived.bytes.data(), key);
  if (sodium_memcmp(point.data(), key + 32, point.size()) != 0) return false;
  const Checksum sum = checksum(hidden);
  if (!is_protected && sodium_is_zero(hidden + 72, sum.size()) == 1) return true;
  return sodium_memcmp(sum.data(), hidden + 72, sum.size()) == 0;
}

/// Hides or shows the hidden part: both are the same XOR.
Status apply_password(std::vector<unsigned char>& bytes, const std::string& password) {
  start_sodium();
  const std::uint64_t ops = little_endian(&bytes[kOps]);
  const std::uint64_t memory = little_endian(&bytes[kMemory]);
  if (ops > kMaxOps || memory > kMaxMemory)
    return invalid("the secret key demands more than 1 GiB to open; make it again");
  Secret stream{std::vector<unsigned char>(kHidden)};
  if (crypto_pwhash_scryptsalsa208sha256(stream.bytes.data(), kHidden, password.data(),
                                         password.size(), &bytes[kSalt], ops,
                                         static_cast<std::size_t>(memory)) != 0)
    return Error{Code::kNoMemory, "a protected secret key takes up to 1 GiB of memory to open"};
  for (std::size_t i = 0; i < kHidden; ++i) bytes[kHead + i] ^= stream.bytes[i];
  return Status();
}

}  // namespace

SecretKey SecretKey::generate() {
  SecretKey out;
  std::array<unsigned char, 32> point{};
  start_sodium();
  randombytes_buf(out.id_.data(), out.id_.size());
  crypto_sign_keypair(point.data(), out.seed_and_point_.data());
  return out;
}

SecretKey::SecretKey(SecretKey&& other) noexcept
    : id_(other.id_), seed_and_point_(other.seed_and_point_) {
  sodium_memzero(other.seed_and_point_.data(), other.seed_and_point_.size());
}

SecretKey::~SecretKey() { sodium_memzero(seed_and_point_.data(), seed_and_point_.size()); }

Result<SecretKey> SecretKey::parse(std::string_view text,
                                   const std::optional<std::string>& password) {
  const auto lines = lines_of(text);
  auto decoded = lines.size() == 2 ? from_base64(lines[1], kHead + kHidden) : std::nullopt;
  if (!decoded)
    return invalid(
        "not a minisign secret key: expected a comment line and 212 characters of base64");
  Secret key{std::move(*decoded)};
  const auto word = [&](std::size_t at) {
    return std::string{static_cast<char>(key.bytes[at]), static_cast<char>(key.bytes[at + 1])};
  };
  const bool is_protected = word(2) == "Sc";
  if (word(0) != "Ed" || word(4) != "B2" || (!is_protected && word(2) != std::string(2, '\0')))
    return invalid("not a minisign secret key: its algorithms are unknown");
  if (is_protected && !password)
    return Error{Code::kDenied, "the secret key is protected by a password", "key-password",
                 "--password-file FILE"};
  if (is_protected) SKEP_TRY(apply_password(key.bytes, *password));
  const unsigned char* hidden = &key.bytes[kHead];
  if (!is_whole(hidden, is_protected))
    return is_protected
               ? Error{Code::kDenied, "the password of the secret key is wrong", "key-password"}
               : invalid("the secret key is damaged: its parts do not match");
  SecretKey out;
  std::copy_n(hidden, out.id_.size(), out.id_.begin());
  std::copy_n(hidden + 8, out.seed_and_point_.size(), out.seed_and_point_.begin());
  return out;
}

PublicKey SecretKey::public_key() const {
  PublicKey out;
  out.id = id_;
  std::copy_n(seed_and_point_.begin() + 32, out.point.size(), out.point.begin());
  return out;
}

Signature SecretKey::sign(const Blake2b& digest, std::string comment) const {
  Signature out;
  out.key = id_;
  out.comment = std::move(comment);
  crypto_sign_detached(out.over_file.data(), nullptr, digest.data(), digest.size(),
                       seed_and_point_.data());
  const std::string whole = signed_comment(out);
  crypto_sign_detached(out.over_comment.data(), nullptr,
                       reinterpret_cast<const unsigned char*>(whole.data()), whole.size(),
                       seed_and_point_.data());
  return out;
}

Result<std::string> SecretKey::file(const std::optional<std::string>& password) const {
  Secret key{std::vector<unsigned char>(kHead + kHidden)};
  std::copy_n(password ? "EdScB2" : "Ed\0\0B2", 6, key.bytes.begin());
  auto* hidden = &key.bytes[kHead];
  std::copy(id_.begin(), id_.end(), hidden);
  std::copy(seed_and_point_.begin(), seed_and_point_.end(), hidden + 8);
  const Checksum sum = checksum(hidden);
  std::copy(sum.begin(), sum.end(), hidden + 72);
  if (password) {
    randombytes_buf(&key.bytes[kSalt], 32);
    put_little_endian(&key.bytes[kOps], kMaxOps);
    put_little_endian(&key.bytes[kMemory], kMaxMemory);
    SKEP_TRY(apply_password(key.bytes, *password));
  }
  return "untrusted comment: minisign " + std::string(password ? "encrypted" : "plain") +
         " secret key\n" + to_base64(key.bytes.data(), key.bytes.size()) + '\n';
}

}  // namespace skep::trust
