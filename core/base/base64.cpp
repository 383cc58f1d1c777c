#include "core/base/base64.hpp"

#include <sodium.h>

namespace skep {
namespace {

Error wrong_from(std::size_t byte) {
  return invalid("not base64 (RFC 4648, with padding) from byte " + std::to_string(byte));
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  const std::size_t length =
      sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  std::string out(length, '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // the terminating zero
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  // libsodium takes bytes with the high bit for letters; one value has one text here.
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  if (const auto odd = text.find_first_not_of(kAlphabet); odd != std::string_view::npos)
    return wrong_from(odd);
  std::string out(text.size() / 4 * 3 + 3, '\0');
  std::size_t length = 0;
  const char* end = nullptr;
  const int failed =
      sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                        text.size(), nullptr, &length, &end, sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0 || end != text.data() + text.size())
    return wrong_from(end == nullptr ? 0 : static_cast<std::size_t>(end - text.data()));
  out.resize(length);
  return out;
}

}  // namespace skep
