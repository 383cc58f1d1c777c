#include "core/base/id.hpp"

#include <sodium.h>
#include <sys/random.h>

#include <array>
#include <chrono>
#include <stdexcept>

namespace skep {
namespace {

std::string hex(const unsigned char* p, std::size_t n) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * n);
  for (std::size_t i = 0; i < n; ++i) {
    out += kDigits[p[i] >> 4];
    out += kDigits[p[i] & 15];
  }
  return out;
}

template <std::size_t N>
std::array<unsigned char, N> random_bytes() {
  std::array<unsigned char, N> out{};
  if (getrandom(out.data(), N, 0) != static_cast<ssize_t>(N))
    throw std::runtime_error("getrandom failed");
  return out;
}

}  // namespace

std::string new_id() {
  auto b = random_bytes<16>();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
  for (std::size_t i = 0; i < 6; ++i) b[i] = static_cast<unsigned char>(ms >> (8 * (5 - i)));
  b[6] = static_cast<unsigned char>(0x70 | (b[6] & 0x0f));
  b[8] = static_cast<unsigned char>(0x80 | (b[8] & 0x3f));
  std::string s = hex(b.data(), b.size());
  for (const std::size_t at : {20u, 16u, 12u, 8u}) s.insert(at, 1, '-');
  return s;
}

std::string random_hex(std::size_t bytes) {
  std::string out;
  while (out.size() < 2 * bytes) {
    const auto chunk = random_bytes<16>();
    out += hex(chunk.data(), chunk.size());
  }
  out.resize(2 * bytes);
  return out;
}

bool is_name(std::string_view s) {
  const auto alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (s.empty() || s.size() > 128 || !alnum(s[0])) return false;
  for (const char c : s)
    if (!alnum(c) && c != '.' && c != '_' && c != '-') return false;
  return true;
}

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  return hex(digest.data(), digest.size());
}

}  // namespace skep
