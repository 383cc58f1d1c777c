// Keys and signatures as text: what is read back, and what is no key and no signature.
#include <random>

#include "tests/unit/trust/support.hpp"

#include "core/trust/version.hpp"

namespace skep::trust {
namespace {

class FormatTest : public TrustTest {
 protected:
  static std::string problem(const std::string& text) {
    const auto signature = Signature::parse(text);
    return signature ? "accepted" : signature.error().message;
  }
  std::string text = read_file(file + ".minisig").value();
};

TEST_F(FormatTest, keys_and_signatures_are_read_back) {
  const PublicKey key = acme.public_key();
  EXPECT_EQ(key.line().substr(0, 2), "RW");
  EXPECT_EQ(PublicKey::parse(key.line()).value(), key);
  EXPECT_EQ(PublicKey::parse(key.file()).value(), key);
  const auto again = SecretKey::parse(acme.file({}).value(), {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->public_key(), key);
  const auto signature = Signature::parse(text);
  ASSERT_TRUE(signature);
  EXPECT_EQ(signature->file(), text);
  EXPECT_TRUE(verify(key, *signature, digests_of(file).blake2b));
  EXPECT_FALSE(verify(other.public_key(), *signature, digests_of(file).blake2b));
}

TEST_F(FormatTest, both_signatures_count) {
  auto signature = Signature::parse(text).value();
  signature.comment = comment_of("com.acme.disk", "9.0.0", "skep/1");
  const Status status = verify(acme.public_key(), signature, digests_of(file).blake2b);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("trusted comment was changed"), std::string::npos);
}

TEST_F(FormatTest, legacy_signatures_are_refused_by_name) {
  // "RW" decodes to "Ed" where "RU" decodes to "ED".
  const auto at = text.find("\nRU");
  ASSERT_NE(at, std::string::npos);
  text[at + 2] = 'W';
  EXPECT_NE(problem(text).find("legacy minisign signature (Ed)"), std::string::npos);
}

TEST_F(FormatTest, malformed_signatures_name_the_line) {
  const auto lines = split(text, '\n');
  const auto with = [&](std::size_t line, const std::string& replacement) {
    auto changed = lines;
    changed[line] = replacement;
    return problem(join(changed, "\n"));
  };
  EXPECT_NE(problem("").find("expected 4 lines, got 0"), std::string::npos) << problem("");
  EXPECT_NE(problem(lines[0] + "\n" + lines[1]).find("got 2"), std::string::npos);
  EXPECT_NE(with(0, "comment").find("line 1"), std::string::npos);
  EXPECT_NE(with(1, lines[1].substr(4)).find("line 2"), std::string::npos);
  EXPECT_NE(with(1, "!" + lines[1].substr(1)).find("line 2"), std::string::npos);
  EXPECT_NE(with(2, "untrusted comment: x").find("line 3"), std::string::npos);
  EXPECT_NE(with(3, lines[3] + "A").find("line 4"), std::string::npos);
  EXPECT_NE(problem(std::string(20'000, 'x')).find("larger than 16 KiB"), std::string::npos);
}

TEST_F(FormatTest, no_cut_and_no_flipped_bit_is_accepted_as_this_signature) {
  const Blake2b digest = digests_of(file).blake2b;
  const std::size_t body = text.find('\n') + 1;  // the untrusted comment is nobody's promise
  const auto holds = [&](const std::string& mutated) {
    const auto signature = Signature::parse(mutated);
    return signature && signature->key == acme.public_key().id &&
           verify(acme.public_key(), *signature, digest);
  };
  ASSERT_TRUE(holds(text));
  for (std::size_t size = 0; size + 1 < text.size(); ++size)
    EXPECT_FALSE(holds(text.substr(0, size))) << size;
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string mutated = text;
    mutated[body + random() % (text.size() - 1 - body)] ^= static_cast<char>(1u << random() % 8);
    EXPECT_FALSE(holds(mutated)) << mutated;
  }
  for (int round = 0; round < 3000; ++round) {
    std::string noise(random() % 400, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    EXPECT_FALSE(Signature::parse(noise));
    EXPECT_FALSE(PublicKey::parse(noise));
    EXPECT_FALSE(SecretKey::parse(noise, {}));
  }
}

TEST_F(FormatTest, keys_that_are_none_say_why) {
  const auto why = [](const std::string& line) {
    const auto key = PublicKey::parse(line);
    return key ? "accepted" : key.error().message;
  };
  EXPECT_NE(why("RWQ").find("56 characters of base64"), std::string::npos);
  EXPECT_NE(why("a\nb\nc").find("expected its base64 line"), std::string::npos);
  EXPECT_NE(why("QUFB" + acme.public_key().line().substr(4)).find("algorithm"), std::string::npos);
  const auto ring = Keyring::parse({{"com.acme.*", {"x"}}, {"../x", {}}});
  ASSERT_FALSE(ring);
  for (const char* word : {"write \"com.acme.\" for all", "com.acme.*\"[0]", "../x"})
    EXPECT_NE(ring.error().message.find(word), std::string::npos) << ring.error().message;
}

TEST_F(FormatTest, damaged_secret_keys_are_refused) {
  std::string secret = acme.file({}).value();
  const std::size_t at = secret.size() - 10;
  secret[at] = secret[at] == 'A' ? 'B' : 'A';
  const auto key = SecretKey::parse(secret, {});
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message.find("is damaged"), std::string::npos);
}

TEST_F(FormatTest, versions_are_ordered_by_semver) {
  const char* ascending[] = {
      "0.9.9",        "1.0.0-alpha",   "1.0.0-alpha.1", "1.0.0-alpha.beta",
      "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0",         "1.0.1",
      "1.2.0",        "1.10.0",        "2.0.0",         "18446744073709551616.0.0"};
  for (std::size_t i = 0; i < std::size(ascending); ++i)
    for (std::size_t j = 0; j < std::size(ascending); ++j)
      EXPECT_EQ(compare_versions(ascending[i], ascending[j]), i < j ? -1 : (i > j ? 1 : 0))
          << ascending[i] << ' ' << ascending[j];
  EXPECT_EQ(compare_versions("1.0.0+a", "1.0.0+b"), 0);
  EXPECT_FALSE(is_version("1.0"));
  EXPECT_FALSE(is_version("1.0.0\n"));
}

}  // namespace
}  // namespace skep::trust
