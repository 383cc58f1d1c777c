#include "core/trust/digest.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <vector>

#include "core/base/fd.hpp"

namespace skep::trust {
namespace {

constexpr std::size_t kMaxReleaseBytes = 256u << 20;

/// Hands a regular file to `take`, chunk by chunk.
Status read_chunks(const std::string& path, std::size_t cap,
                   const std::function<void(const unsigned char*, std::size_t)>& take) {
  const UniqueFd fd(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == ELOOP) return Error{Code::kDenied, path + " is a symbolic link"};
  if (!fd) return errno_error("open " + path, errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return errno_error("stat " + path, errno);
  if (!S_ISREG(st.st_mode)) return invalid(path + " is no regular file");
  std::vector<unsigned char> chunk(std::min<std::size_t>(cap + 1, 256u << 10));
  for (std::size_t total = 0;;) {
    const auto n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("read " + path, errno);
    if (n == 0) return Status();
    total += static_cast<std::size_t>(n);
    if (total > cap) return invalid(path + " is larger than " + std::to_string(cap) + " bytes");
    take(chunk.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace

Result<Digests> digest_file(const std::string& path) {
  crypto_hash_sha256_state sha;
  crypto_generichash_state blake;
  crypto_hash_sha256_init(&sha);
  crypto_generichash_init(&blake, nullptr, 0, std::tuple_size_v<Blake2b>);
  SKEP_TRY(read_chunks(path, kMaxReleaseBytes, [&](const unsigned char* bytes, std::size_t n) {
    crypto_hash_sha256_update(&sha, bytes, n);
    crypto_generichash_update(&blake, bytes, n);
  }));
  Digests out;
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  std::array<char, 2 * crypto_hash_sha256_BYTES + 1> text{};
  crypto_hash_sha256_final(&sha, digest.data());
  out.sha256 = sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
  crypto_generichash_final(&blake, out.blake2b.data(), out.blake2b.size());
  return out;
}

Result<std::string> read_regular_file(const std::string& path, std::size_t cap) {
  std::string out;
  SKEP_TRY(read_chunks(path, cap, [&](const unsigned char* bytes, std::size_t n) {
    out.append(reinterpret_cast<const char*>(bytes), n);
  }));
  return out;
}

}  // namespace skep::trust
