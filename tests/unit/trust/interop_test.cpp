// Both ways with the usual tool: what it signs we accept, and what we sign it accepts.
#include <cstdlib>

#include "tests/unit/trust/support.hpp"

namespace skep::trust {
namespace {

class InteropTest : public TrustTest {
 protected:
  void SetUp() override {
    if (std::system("command -v minisign >/dev/null") != 0)
      GTEST_SKIP() << "NOT TESTED: minisign is not installed (cmake/packages.txt names it)";
  }
  int minisign(const std::string& arguments) const {
    const std::string command = "cd '" + dir.path() + "' && minisign " + arguments + " >out 2>&1";
    const int status = std::system(command.c_str());
    if (status != 0)
      ADD_FAILURE_AT(__FILE__, __LINE__) << command << read_file(dir.file("out")).value_or("");
    return status;
  }
  bool tool_accepts(const std::string& arguments) const {
    return std::system(
               ("cd '" + dir.path() + "' && minisign " + arguments + " >out 2>&1").c_str()) == 0;
  }
};

TEST_F(InteropTest, the_tool_accepts_our_signatures) {
  write_text(dir.file("acme.pub"), acme.public_key().file());
  EXPECT_TRUE(tool_accepts("-V -H -p acme.pub -m disk.so"));
  EXPECT_TRUE(tool_accepts("-V -P " + acme.public_key().line() + " -m disk.so"));
  EXPECT_NE(read_file(dir.file("out"))->find("id=com.acme.disk version=1.2.0 abi=skep/1"),
            std::string::npos);
  EXPECT_FALSE(tool_accepts("-V -P " + other.public_key().line() + " -m disk.so"));
  write_text(file, "tampered");
  EXPECT_FALSE(tool_accepts("-V -p acme.pub -m disk.so"));
}

TEST_F(InteropTest, the_tool_signs_with_our_secret_keys) {
  write_text(dir.file("acme.key"), acme.file({}).value());
  minisign("-S -W -s acme.key -t '" + comment_of("com.acme.disk", "1.2.0", "skep/1") +
           "' -m disk.so");
  require(false, true);
  EXPECT_EQ(outcome(), "admitted");
}

TEST_F(InteropTest, we_accept_the_tools_keys_and_signatures) {
  minisign("-G -W -p tool.pub -s tool.key");
  const auto key = PublicKey::parse(read_file(dir.file("tool.pub")).value());
  ASSERT_TRUE(key) << key.error().message;
  const auto secret = SecretKey::parse(read_file(dir.file("tool.key")).value(), {});
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->public_key(), *key);
  minisign("-S -s tool.key -t '" + comment_of("com.acme.disk", "1.2.0", "skep/1") + "' -m disk.so");
  use({{"com.acme.", {key->line()}}});
  require(false, true);
  EXPECT_EQ(outcome(), "admitted");
  minisign("-S -s tool.key -m disk.so");
  expect_refused(outcome(), {"timestamp:", "signed as something else"});
  minisign("-S -l -s tool.key -m disk.so");
  expect_refused(outcome(), {"legacy minisign signature (Ed)"});
}

TEST_F(InteropTest, passwords_open_keys_both_ways) {
  write_text(dir.file("password"), "hunter2 \xC3\xA9\nhunter2 \xC3\xA9\n");
  minisign("-G -p tool.pub -s tool.key < password");
  const std::string theirs = read_file(dir.file("tool.key")).value();
  const auto opened = SecretKey::parse(theirs, "hunter2 \xC3\xA9");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->public_key(),
            PublicKey::parse(read_file(dir.file("tool.pub")).value()).value());
  EXPECT_EQ(SecretKey::parse(theirs, {}).error().id(), "key-password");
  EXPECT_NE(SecretKey::parse(theirs, "hunter3").error().message.find("password"),
            std::string::npos);
  write_text(dir.file("acme.key"), acme.file("hunter2 \xC3\xA9").value());
  minisign("-S -s acme.key -m disk.so < password");
  EXPECT_TRUE(tool_accepts("-V -P " + acme.public_key().line() + " -m disk.so"));
}

}  // namespace
}  // namespace skep::trust
