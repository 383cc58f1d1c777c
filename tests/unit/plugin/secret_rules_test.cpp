#include "core/plugin/services/secret_rules.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "core/plugin/services/masks.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

class SecretRulesTest : public testing::Test {
 protected:
  std::string file(const std::string& name, std::string_view text, mode_t mode = 0600) {
    write_bytes(dir_.file(name), text);
    EXPECT_EQ(::chmod(dir_.file(name).c_str(), mode), 0);
    return dir_.file(name);
  }
  static std::string why(const Result<std::string>& result) {
    return result ? "given" : result.error().message;
  }
  TempDir dir_;
};

TEST_F(SecretRulesTest, tables_are_read_strictly) {
  const auto rules =
      parse_secret_rules({{"db", R"({"file":"/x","plugins":["acme","script:report"]})"}});
  ASSERT_TRUE(rules) << rules.error().message;
  EXPECT_EQ(rules->at("db"), (SecretRule{"/x", {"acme", "script:report"}}));
  EXPECT_EQ(parse_secret_rules({{"db", R"({"file":"/x","plugin":["acme"]})"}}).error().message,
            "[secrets.db] has the unknown key \"plugin\"; did you mean \"plugins\"?");
  EXPECT_EQ(parse_secret_rules({{"db", "{}"}}).error().message,
            "[secrets.db] file is missing: the file that holds the value");
  EXPECT_FALSE(parse_secret_rules({{"db", R"({"file":7})"}}));
  EXPECT_FALSE(parse_secret_rules({{"db", R"({"file":"/x","plugins":"acme"})"}}));
}

TEST_F(SecretRulesTest, a_file_must_be_closed_to_others_and_hold_a_value) {
  EXPECT_EQ(load_secret(file("good", "pass word\n")).value(), "pass word");
  EXPECT_EQ(load_secret(file("many", "one\r\ntwo\r\n")).value(), "one\r\ntwo");
  EXPECT_EQ(load_secret(file("most", std::string(kMaxSecret, 'x') + "\n")).value().size(),
            kMaxSecret);
  EXPECT_NE(why(load_secret(file("open", "pass word", 0640))).find("may be read by other users"),
            std::string::npos);
  EXPECT_NE(why(load_secret(file("long", std::string(kMaxSecret + 1, 'x')))).find("64 KiB"),
            std::string::npos);
  EXPECT_NE(why(load_secret(file("short", "abc\n"))).find("less than 4 bytes"), std::string::npos);
  EXPECT_NE(why(load_secret(file("bytes", "\xff\xfe\xfd\xfc"))).find("not UTF-8"),
            std::string::npos);
  EXPECT_NE(why(load_secret(dir_.path())).find("no regular file"), std::string::npos);
  EXPECT_NE(why(load_secret(dir_.file("none"))).find("No such file"), std::string::npos);
  ASSERT_EQ(::mkfifo(dir_.file("pipe").c_str(), 0600), 0);
  EXPECT_NE(why(load_secret(dir_.file("pipe"))).find("no regular file"), std::string::npos);
}

TEST_F(SecretRulesTest, only_those_named_get_it_and_a_changed_file_counts) {
  const std::string path = file("db", "first one\n");
  set_secret_rules({{"db", {path, {"rules.acme", "script:report"}}}});
  EXPECT_EQ(read_secret("rules.acme", "db").value(), "first one");
  EXPECT_EQ(read_secret("script:report", "db").value(), "first one");
  const auto denied = read_secret("other", "db");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, Code::kDenied);
  EXPECT_EQ(
      denied.error().message,
      "secret \"db\" is not for other; next: [secrets.db] plugins = [\"other\"] in the node's "
      "TOML file");
  const auto unknown = read_secret("rules.acme", "bd");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
  file("db", "second one");
  EXPECT_EQ(read_secret("rules.acme", "db").value(), "second one");
  EXPECT_EQ(masks_of("rules.acme")->hide("first one, second one"), "***, ***");
  file("db", "second one", 0644);
  EXPECT_EQ(read_secret("rules.acme", "db").error().code, Code::kUnavailable);
  set_secret_rules({});
  EXPECT_EQ(read_secret("rules.acme", "db").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace skep::plugin
