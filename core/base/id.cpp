#include "core/base/id.hpp"

#include <sodium.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
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

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// A UUIDv7 (RFC 9562) of that time.
std::string id_of(std::int64_t ms) {
  auto b = random_bytes<16>();
  for (std::size_t i = 0; i < 6; ++i) b[i] = static_cast<unsigned char>(ms >> (8 * (5 - i)));
  b[6] = static_cast<unsigned char>(0x70 | (b[6] & 0x0f));
  b[8] = static_cast<unsigned char>(0x80 | (b[8] & 0x3f));
  std::string s = hex(b.data(), b.size());
  for (const std::size_t at : {20u, 16u, 12u, 8u}) s.insert(at, 1, '-');
  return s;
}

/// The year 3000: no clock made such an id, and nothing sorts behind "ffffffff-ffff-7..".
constexpr std::int64_t kFarthestMs = 32'503'680'000'000;

/// When it was made; nothing when it is no UUIDv7 as id_of() writes them.
std::optional<std::int64_t> time_of(std::string_view id) {
  if (id.size() != 36 || id[14] != '7') return std::nullopt;
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = id[i];
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !digit) return std::nullopt;
    if (!dash && i < 13) ms = ms * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
  }
  if (ms >= kFarthestMs) return std::nullopt;
  return ms;
}

}  // namespace

std::string new_id() { return id_of(now_ms()); }

std::string new_id_after(std::string_view former) {
  const auto then = time_of(former);
  return id_of(std::max(now_ms(), then ? *then + 1 : 0));
}

bool is_older_id(std::string_view a, std::string_view b) {
  return time_of(a) && time_of(b) && a < b;
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
