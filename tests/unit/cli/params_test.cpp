#include "core/cli/base/params.hpp"

#include <gtest/gtest.h>

#include <unistd.h>
#include <boost/json.hpp>

#include <cstdlib>
#include <fstream>

#include "tests/support/temp_dir.hpp"

namespace skep::cli {
namespace {

std::string built(const std::string& base, const std::vector<std::string>& pairs) {
  const auto params = build_params(base, pairs);
  return params ? json::serialize(*params) : "error: " + params.error().message;
}

TEST(Params, reads_json_values_and_takes_the_rest_as_text) {
  EXPECT_EQ(built("", {"n=1", "s=abc def", "b=true", "l=[1,2]", "o={\"x\":null}", "q=\"1\"", "e="}),
            R"({"n":1,"s":"abc def","b":true,"l":[1,2],"o":{"x":null},"q":"1","e":""})");
}

TEST(Params, splits_at_the_first_equals_sign) { EXPECT_EQ(built("", {"a=b=c"}), R"({"a":"b=c"})"); }

TEST(Params, nests_at_dots) {
  EXPECT_EQ(built("", {"env.A=1", "env.B=x"}), R"({"env":{"A":1,"B":"x"}})");
}

TEST(Params, lays_pairs_over_the_base) {
  EXPECT_EQ(built(R"({"a":1,"env":{"A":1}})", {"a=2", "env.B=3"}),
            R"({"a":2,"env":{"A":1,"B":3}})");
}

TEST(Params, reads_a_file_as_text) {
  const test::TempDir dir;
  const std::string name = dir.file("params");
  std::ofstream(name) << "{\"not\":\"parsed\"}\n";
  EXPECT_EQ(built("", {"script=@" + name}), R"({"script":"{\"not\":\"parsed\"}\n"})");
  EXPECT_EQ(built("", {"handle=@/nowhere/bob"}),
            "error: -p handle: file \"/nowhere/bob\" cannot be read: No such file or directory");
}

TEST(Params, takes_the_text_as_it_is_where_a_string_is_wanted) {
  const auto schema = parse_json(R"({"type":"object","properties":{"script":{"type":"string"},
    "count":{"type":"integer"},"any":{},"env":{"type":"object","additionalProperties":
    {"type":"string"}}},"additionalProperties":false})");
  ASSERT_TRUE(schema);
  const auto params =
      build_params("", {"script=true", "count=5", "any=true", "env.A=1", "nope=1", "nope2.x=1"},
                   [&](const std::string& key) { return schema_wants_text(*schema, key); });
  ASSERT_TRUE(params);
  EXPECT_EQ(json::serialize(*params),
            R"({"script":"true","count":5,"any":true,"env":{"A":"1"},"nope":1,"nope2":{"x":1}})");
  EXPECT_EQ(json::serialize(*build_params("", {"script=\"5\""}, [](auto&) { return true; })),
            R"({"script":"5"})");
}

TEST(Params, refuses_contradictions) {
  EXPECT_EQ(built("", {"a=1", "a=2"}), "error: -p a is given twice");
  EXPECT_EQ(built("", {"a=1", "a.b=2"}),
            "error: -p a.b: \"a\" already has a value that is no object");
  EXPECT_EQ(built("", {"a.b=2", "a=1"}), "error: -p a: \"a\" already has members");
}

TEST(Params, refuses_what_is_no_pair) {
  for (const char* pair : {"a", "=1", ".a=1", "a.=1", "a..b=1", ""})
    EXPECT_EQ(built("", {pair}), "error: -p \"" + std::string(pair) + "\" is not KEY=VALUE");
  EXPECT_EQ(built("[1]", {}), "error: --params is not a JSON object");
  EXPECT_EQ(built("{", {}).substr(0, 16), "error: --params:");
}

}  // namespace
}  // namespace skep::cli
