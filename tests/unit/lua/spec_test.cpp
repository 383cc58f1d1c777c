// What skep.task { .. } may say, and how a file that says it wrong is refused.
#include <gtest/gtest.h>

#include "core/base/json.hpp"
#include "tests/support/script_rig.hpp"

namespace skep::test {
namespace {

class Spec : public ::testing::Test {
 protected:
  std::string refusal(const std::string& source) {
    const auto loaded = rig_.load(source);
    return loaded ? "accepted: " + *loaded : loaded.error().message;
  }
  std::string manifest(const std::string& source) {
    const auto loaded = rig_.load(source);
    return loaded ? *loaded : "refused: " + loaded.error().message;
  }
  // Far from the time limit of a load, on a slow machine as well.
  ScriptRig rig_{R"({"max_instructions": 100000})"};
};

TEST_F(Spec, versions_of_parameters_go_along) {
  const std::string said = manifest(R"(return skep.task { name = "a", version = "2.0.0",
    params = { limit = "integer" }, params_version = 2,
    migrations = { { from = 1, rename = { threshold = "limit" }, drop = { "old" } } },
    run = function() return {} end })");
  EXPECT_NE(said.find(R"("params_version":2,"migrations":[{)"), std::string::npos) << said;
  EXPECT_NE(said.find(R"("drop":["old"])"), std::string::npos) << said;
  EXPECT_NE(said.find(R"("rename":{"threshold":"limit"})"), std::string::npos) << said;
}

TEST_F(Spec, becomes_the_manifest) {
  EXPECT_EQ(
      manifest(R"(return skep.task {
    name = "disk_check", version = "1.2.0", description = "d", timeout = "1.5s",
    params = { threshold = { type = "number", default = 90 }, path = { type = "string", required = true },
               note = "string" },
    permissions = { "facts", "kv" }, run = function() end })"),
      R"({"name":"disk_check","version":"1.2.0","description":"d",)"
      R"("params":{"type":"object","properties":{"note":{"type":"string"},)"
      R"("path":{"type":"string"},"threshold":{"default":90,"type":"number"}},)"
      R"("required":["path"]},"permissions":["facts","kv"],"timeout_ms":1500,"warnings":[]})");
}

TEST_F(Spec, may_follow_a_byte_order_mark_and_a_line_for_the_shell) {
  const std::string task =
      "return skep.task { name = \"a\", version = \"1.0.0\", run = function() end }";
  for (const std::string before : {"\xef\xbb\xbf", "#!/usr/bin/env lua\n", "#!/usr/bin/lua\r\n",
                                   "\xef\xbb\xbf#!/usr/bin/env lua\n"})
    EXPECT_TRUE(manifest(before + task).starts_with(R"({"name":"a")")) << manifest(before + task);
  EXPECT_NE(refusal("#!/usr/bin/env lua\n\nreturn 1 +").find(":3:"), std::string::npos)
      << "lines keep their numbers";
}

TEST_F(Spec, that_takes_too_long_to_read_may_be_read_another_time) {
  const auto slow = rig_.load("while true do local x = ('x'):rep(1 << 20) end");
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, Code::kDeadline) << slow.error().message;
  // Whichever comes first: instructions are counted too, and those are no matter of time.
  const auto endless = rig_.load("while true do end");
  ASSERT_FALSE(endless);
  EXPECT_TRUE(endless.error().code == Code::kInvalid || endless.error().code == Code::kDeadline)
      << endless.error().message;
}

TEST_F(Spec, takes_a_whole_schema_and_defaults) {
  EXPECT_EQ(manifest(R"(return skep.task { name = "a", version = "1.0.0",
    params = { type = "object", properties = { x = { type = "integer" } } }, run = function() end })"),
            R"({"name":"a","version":"1.0.0","description":"",)"
            R"("params":{"properties":{"x":{"type":"integer"}},"type":"object"},)"
            R"("permissions":[],"timeout_ms":30000,"warnings":[]})");
}

struct Wrong {
  const char* source;
  const char* message;
};

class SpecRefuses : public Spec, public ::testing::WithParamInterface<Wrong> {};

TEST_P(SpecRefuses, with_the_line_and_the_nearest_valid_thing) {
  EXPECT_EQ(refusal(GetParam().source), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, SpecRefuses,
    ::testing::Values(
        Wrong{"return 1",
              "t.lua:1: the file does not return a task; write: return skep.task { "
              "name = .., run = .. }"},
        Wrong{"local x = = 1", "t.lua:1: unexpected symbol near '='"},
        Wrong{"\nerror('no')", "t.lua:2: no"},
        Wrong{"\nreturn skep.task { version = '1.0.0' }",
              "t.lua:2: skep.task: name is missing; it is the task type that people submit"},
        Wrong{"return skep.task { name = 'A b', version = '1.0.0' }",
              "t.lua:1: skep.task: name is \"A b\"; expected a-z, 0-9, _ and -, parts separated by "
              "dots, 64 characters at most"},
        Wrong{
            "return skep.task { name = 'a', version = '1' }",
            "t.lua:1: skep.task: version is \"1\"; expected a semantic version such as \"1.0.0\""},
        Wrong{"return skep.task { name = 'a', version = '1.0.0', timout = 3 }",
              "t.lua:1: skep.task: unknown key \"timout\"; did you mean \"timeout\"?"},
        Wrong{"return skep.task { name = 'a', version = '1.0.0', timeout = '3 days' }",
              "t.lua:1: skep.task: timeout is \"3 days\"; expected \"500ms\", \"30s\", \"5m\", "
              "\"1h\" or seconds, a week at most"},
        Wrong{"return skep.task { name = 'a', version = '1.0.0', permissions = { 'exek' } }",
              "t.lua:1: skep.task: permission \"exek\" is unknown; did you mean \"exec\"?"},
        Wrong{"return skep.task { name = 'a', version = '1.0.0', params = { x = 3 } }",
              "t.lua:1: skep.task: params.x is a number; expected { type = \"string\" } or "
              "\"string\""},
        Wrong{"return skep.task { name = 'a', version = '1.0.0' }",
              "t.lua:1: skep.task: run is missing; write run = function(ctx, params) .. end"},
        Wrong{"skep.task { name = 'a', version = '1.0.0', run = print }\n"
              "return skep.task { name = 'a', version = '1.0.0', run = print }",
              "t.lua:2: skep.task: called twice; a file declares one task type"},
        Wrong{"while true do end", "t.lua:1: the script ran more than 100000 instructions"},
        Wrong{"\x1bLua", "t.lua:1: attempt to load a binary chunk (mode is 't')"}));

}  // namespace
}  // namespace skep::test
