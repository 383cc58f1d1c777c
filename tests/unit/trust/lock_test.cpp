// plugins.lock as a file.
#include "tests/unit/trust/support.hpp"

namespace skep::trust {
namespace {

class LockTest : public TrustTest {
 protected:
  std::string problem(const std::string& text) {
    write_text(settings.lock_file, text);
    const auto lock = LockFile::read(settings.lock_file);
    return lock ? "accepted" : lock.error().message;
  }
};

TEST_F(LockTest, is_read_back) {
  LockFile out;
  out.pins["com.acme.disk"] = pin();
  out.pins["disk_check"] = {"0.1.0-rc.1+b", std::string(64, '0'), "", "0.1.0-rc.1"};
  ASSERT_TRUE(out.write(settings.lock_file));
  const auto in = LockFile::read(settings.lock_file);
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_EQ(in->pins, out.pins);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 3) << "no leftovers";
}

TEST_F(LockTest, says_what_it_does_not_understand) {
  const std::string good = "version = \"1.0.0\"\nsha256 = \"" + std::string(64, '0') +
                           "\"\nkey = \"\"\nmin_version = \"1.0.0\"\n";
  EXPECT_EQ(problem("format = 1\n[pins.x]\n" + good), "accepted");
  const auto has = [&](const std::string& text, const char* word) {
    const std::string why = problem(text);
    EXPECT_NE(why.find(word), std::string::npos) << why;
  };
  has("", "format is not 1");
  has("format = 2\n", "another version of skep");
  has("format = 1\n[pin.x]\n" + good, "unknown key pin; known: format, pins");
  has("format = 1\n[pins.x]\nsha265 = \"\"\n" + good, "did you mean \"sha256\"?");
  has("format = 1\n[pins.x]\nversion = \"1.0.0\"\n", "sha256: is missing");
  has("format = 1\n[pins.x]\nversion = 1\n", "expected a string");
  has("format = 1\npins.x = 3\n", "is no table");
  has("format = 1\n[pins.\"../x\"]\n" + good, "cannot be an id");
  has("format = 1\n[pins.x]\n" + good + "[pins.x]\n" + good, "plugins.lock:");
  has("format = 1\n[pins.x]\nversion = \"1\"\nsha256 = \"\"\nkey = \"\"\nmin_version = \"1\"\n",
      "MAJOR.MINOR.PATCH");
}

TEST_F(LockTest, missing_or_writable_by_others_is_no_lock) {
  EXPECT_EQ(LockFile::read(settings.lock_file).error().code, Code::kNotFound);
  lock(pin());
  ASSERT_EQ(::chmod(settings.lock_file.c_str(), 0664), 0);
  const auto lock = LockFile::read(settings.lock_file);
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, Code::kDenied);
  EXPECT_EQ(lock.error().next, "chmod g-w " + settings.lock_file);
}

}  // namespace
}  // namespace skep::trust
