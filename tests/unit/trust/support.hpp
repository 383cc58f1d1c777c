// A signed file in a folder of its own, and everything that may be wrong with it.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "core/base/text.hpp"
#include "core/trust/digest.hpp"
#include "core/trust/judge.hpp"
#include "core/trust/lock_file.hpp"
#include "core/trust/secret_key.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::trust {

namespace fs = std::filesystem;

inline void write_text(const std::string& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

inline Digests digests_of(const std::string& path) {
  auto out = digest_file(path);
  if (!out) throw std::runtime_error(out.error().message);
  return *out;
}

/// Writes FILE.minisig.
inline void sign_file(const SecretKey& key, const std::string& file, std::string comment) {
  write_text(file + ".minisig", key.sign(digests_of(file).blake2b, std::move(comment)).file());
}

class TrustTest : public testing::Test {
 protected:
  TrustTest() {
    write_text(file, "the bytes of a plugin");
    sign_file(acme, file, comment_of("com.acme.disk", "1.2.0", "skep/1"));
    settings.lock_file = dir.file("plugins.lock");
    use({{"com.acme.", {acme.public_key().line()}}, {"*", {other.public_key().line()}}});
  }
  void use(const std::map<std::string, std::vector<std::string>>& keys) {
    settings.keys = Keyring::parse(keys).value();
  }
  void require(bool pin, bool signature) {
    settings.pin = pin;
    settings.signature = signature;
  }
  Candidate candidate(std::string id = "com.acme.disk", std::string version = "1.2.0") const {
    return {std::move(id), std::move(version), "skep/1", digests_of(file).sha256, file, file};
  }
  Pin pin() const {
    return {"1.2.0", digests_of(file).sha256, key_text(acme.public_key().id), "1.0.0"};
  }
  void lock(const Pin& p) {
    LockFile out;
    out.pins["com.acme.disk"] = p;
    ASSERT_TRUE(out.write(settings.lock_file));
  }
  /// "admitted", or the table.
  std::string outcome(const Candidate& a) const {
    const Status status = admit(settings, a);
    return status ? "admitted" : status.error().message + "\nnext: " + status.error().next;
  }
  std::string outcome() const { return outcome(candidate()); }
  void expect_refused(const std::string& text, std::initializer_list<const char*> words) const {
    for (const char* word : words)
      EXPECT_NE(text.find(word), std::string::npos) << word << '\n' << text;
  }

  const test::TempDir dir;
  const std::string file = dir.file("disk.so");
  const SecretKey acme = SecretKey::generate();
  const SecretKey other = SecretKey::generate();
  Settings settings;
};

}  // namespace skep::trust
