#include "core/trust/minisign.hpp"

#include <sodium.h>

#include <algorithm>

#include "core/trust/text_format.hpp"

namespace skep::trust {
namespace {

constexpr std::string_view kUntrusted = "untrusted comment: ";
constexpr std::string_view kTrusted = "trusted comment: ";
constexpr std::size_t kKeyBytes = 2 + 8 + 32;
constexpr std::size_t kSignatureBytes = 2 + 8 + 64;

bool has_algorithm(const std::vector<unsigned char>& bytes, std::string_view name) {
  return bytes[0] == name[0] && bytes[1] == name[1];
}

Error wrong_line(std::size_t number, const std::string& why) {
  return invalid("not a minisign signature: line " + std::to_string(number) + " " + why);
}

}  // namespace

std::string key_text(const KeyId& id) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (auto byte = id.rbegin(); byte != id.rend(); ++byte) {
    out += kDigits[*byte >> 4];
    out += kDigits[*byte & 15];
  }
  return out;
}

Result<PublicKey> PublicKey::parse(std::string_view text) {
  auto lines = lines_of(text);
  if (lines.size() == 2 && lines[0].starts_with(kUntrusted)) lines.erase(lines.begin());
  if (lines.size() != 1)
    return invalid(
        "not a minisign public key: expected its base64 line, or a comment and that line");
  const auto bytes = from_base64(lines[0], kKeyBytes);
  if (!bytes)
    return invalid(
        "not a minisign public key: expected 56 characters of base64 such as RWQ.., got " +
        std::to_string(lines[0].size()));
  if (!has_algorithm(*bytes, "Ed"))
    return invalid("not a minisign public key: its algorithm is not Ed25519");
  PublicKey out;
  std::copy_n(bytes->begin() + 2, out.id.size(), out.id.begin());
  std::copy_n(bytes->begin() + 10, out.point.size(), out.point.begin());
  return out;
}

std::string PublicKey::line() const {
  std::vector<unsigned char> bytes{'E', 'd'};
  bytes.insert(bytes.end(), id.begin(), id.end());
  bytes.insert(bytes.end(), point.begin(), point.end());
  return to_base64(bytes.data(), bytes.size());
}

std::string PublicKey::file() const {
  return std::string(kUntrusted) + "minisign public key " + key_text(id) + '\n' + line() + '\n';
}

Result<Signature> Signature::parse(std::string_view text) {
  if (text.size() > kMaxSignatureBytes)
    return invalid("not a minisign signature: larger than 16 KiB");
  const auto lines = lines_of(text);
  if (lines.size() != 4)
    return invalid("not a minisign signature: expected 4 lines, got " +
                   std::to_string(lines.size()));
  if (!lines[0].starts_with(kUntrusted))
    return wrong_line(1, "does not start with \"untrusted comment: \"");
  const auto first = from_base64(lines[1], kSignatureBytes);
  if (!first) return wrong_line(2, "is not 100 characters of base64");
  if (has_algorithm(*first, "Ed"))
    return invalid(
        "a legacy minisign signature (Ed), which is not accepted; sign the file again without -l");
  if (!has_algorithm(*first, "ED")) return wrong_line(2, "has an unknown algorithm");
  if (!lines[2].starts_with(kTrusted))
    return wrong_line(3, "does not start with \"trusted comment: \"");
  const auto second = from_base64(lines[3], std::tuple_size_v<Ed25519>);
  if (!second) return wrong_line(4, "is not 88 characters of base64");
  Signature out;
  std::copy_n(first->begin() + 2, out.key.size(), out.key.begin());
  std::copy_n(first->begin() + 10, out.over_file.size(), out.over_file.begin());
  out.comment = lines[2].substr(kTrusted.size());
  std::copy_n(second->begin(), out.over_comment.size(), out.over_comment.begin());
  return out;
}

std::string Signature::file() const {
  std::vector<unsigned char> bytes{'E', 'D'};
  bytes.insert(bytes.end(), key.begin(), key.end());
  bytes.insert(bytes.end(), over_file.begin(), over_file.end());
  return std::string(kUntrusted) + "signature of key " + key_text(key) + '\n' +
         to_base64(bytes.data(), bytes.size()) + '\n' + std::string(kTrusted) + comment + '\n' +
         to_base64(over_comment.data(), over_comment.size()) + '\n';
}

std::string signed_comment(const Signature& signature) {
  return std::string(signature.over_file.begin(), signature.over_file.end()) + signature.comment;
}

Status verify(const PublicKey& key, const Signature& signature, const Blake2b& digest) {
  const auto holds = [&](const Ed25519& s, const void* bytes, std::size_t size) {
    return crypto_sign_verify_detached(s.data(), static_cast<const unsigned char*>(bytes), size,
                                       key.point.data()) == 0;
  };
  if (!holds(signature.over_file, digest.data(), digest.size()))
    return Error{Code::kDenied, "not a signature of this file by key " + key_text(key.id)};
  const std::string comment = signed_comment(signature);
  if (!holds(signature.over_comment, comment.data(), comment.size()))
    return Error{Code::kDenied, "its trusted comment was changed after it was signed"};
  return Status();
}

std::string comment_of(std::string_view id, std::string_view version, std::string_view abi) {
  return "id=" + std::string(id) + " version=" + std::string(version) + " abi=" + std::string(abi);
}

}  // namespace skep::trust
