#include "seal.hpp"

#include <sodium.h>

#include <array>

#include "skep/plugin.hpp"

namespace spool {
namespace {

constexpr std::string_view kHead = ",\"sha256\":\"";
constexpr std::string_view kTail = "\"}\n";
constexpr std::size_t kHex = std::size_t{2} * crypto_hash_sha256_BYTES;
constexpr std::size_t kTrailer = kHead.size() + kHex + kTail.size();
static_assert(kSealBytes == kTrailer - 1);  // the object's own '}' goes

std::string sha256_hex(std::string_view bytes) {
  static constexpr char hex[] = "0123456789abcdef";
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  std::string out;
  out.reserve(kHex);
  for (const unsigned char c : digest) {
    out += hex[c >> 4];
    out += hex[c & 0xf];
  }
  return out;
}

std::string_view trimmed(std::string_view s) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t from = s.find_first_not_of(kSpace);
  return from == s.npos ? std::string_view()
                        : s.substr(from, s.find_last_not_of(kSpace) + 1 - from);
}

}  // namespace

void check_object(std::string_view bytes) {
  const std::string_view body = trimmed(bytes);
  if (!body.starts_with('{') || !body.ends_with('}'))
    throw skep::Fault(SKEP_E_INVALID, "the body of a spool item must be one JSON object");
  if (trimmed(body.substr(1, body.size() - 2)).empty())
    throw skep::Fault(SKEP_E_INVALID, "the body of a spool item must have at least one member");
}

std::string seal(std::string_view object) {
  const std::string_view sealed = object.substr(0, object.rfind('}'));
  std::string out;
  out.reserve(sealed.size() + kTrailer);
  out += sealed;
  const std::string digest = sha256_hex(out);
  out += kHead;
  out += digest;
  out += kTail;
  return out;
}

bool looks_sealed(std::string_view bytes) {
  return bytes.size() > kTrailer + 1 && bytes.starts_with('{') && bytes.ends_with(kTail) &&
         bytes.substr(bytes.size() - kTrailer).starts_with(kHead);
}

std::optional<std::string> unseal(std::string_view bytes, std::string& why) {
  if (!looks_sealed(bytes)) {
    why = bytes.empty() ? "the file is empty" : "it does not end with a sha256 member: cut off?";
    return std::nullopt;
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kTrailer);
  if (bytes.substr(body.size() + kHead.size(), kHex) != sha256_hex(body)) {
    why = "its sha256 does not match: the bytes changed after they were written";
    return std::nullopt;
  }
  return std::string(body) + "}";
}

}  // namespace spool
