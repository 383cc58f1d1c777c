#include "core/plugin/scripts/policy.hpp"

#include <gtest/gtest.h>

namespace skep::plugin {
namespace {

TEST(ScriptPolicy, grants_the_nodes_list_or_the_scripts_own) {
  const auto policy = parse_script_policy({"facts"}, {{"a", R"({"allow":["exec"]})"}});
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(policy->refused("x", {"facts", "exec"}, false), std::vector<std::string>{"exec"});
  EXPECT_EQ(policy->refused("a", {"facts", "exec"}, false), std::vector<std::string>{"facts"});
}

TEST(ScriptPolicy, lets_shipped_scripts_have_what_they_declare_unless_a_rule_says_otherwise) {
  const auto policy = parse_script_policy({}, {{"a", R"({"allow":[]})"}});
  EXPECT_TRUE(policy->refused("x", {"exec"}, true).empty());
  EXPECT_EQ(policy->refused("a", {"exec"}, true), std::vector<std::string>{"exec"});
}

TEST(ScriptPolicy, says_which_line_would_grant_what_is_missing) {
  const auto policy = parse_script_policy({"facts"}, {});
  EXPECT_TRUE(policy->check("a.lua", "a", {"facts"}, false));
  const Status denied = policy->check("a.lua", "a", {"facts", "exec", "kv"}, false);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().message,
            "a.lua needs the permission \"exec\", \"kv\", which this node does not grant");
  EXPECT_EQ(denied.error().next, "[scripts.a] allow = [\"facts\", \"exec\", \"kv\"]");
}

TEST(ScriptPolicy, refuses_unknown_words_with_the_nearest) {
  EXPECT_EQ(parse_script_policy({"fact"}, {}).error().message,
            "[scripts] allow has the unknown permission \"fact\"; did you mean \"facts\"?");
  EXPECT_EQ(parse_script_policy({}, {{"a", R"({"allow":["htp"]})"}}).error().message,
            "[scripts.a] allow has the unknown permission \"htp\"; did you mean \"http\"?");
  EXPECT_NE(parse_script_policy({}, {{"a", R"({"alow":[]})"}}).error().message.find("allow"),
            std::string::npos);
}

}  // namespace
}  // namespace skep::plugin
