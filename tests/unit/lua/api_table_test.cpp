// The table that sdk/lua/skep.lua and docs/reference/lua.md are made from says what a running
// script finds: no member more, none less. (That the two files are what the table makes is a test
// of gen_lua_docs.)
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>
#include <sstream>

#include "api.hpp"
#include "core/base/json.hpp"
#include "tests/support/script_rig.hpp"

namespace skep::test {
namespace {

using Names = std::set<std::string>;

/// Prints "NAME function" or "NAME value" for each member. A table is a group of members, and one
/// that can be called is a function as well.
constexpr const char* kEnumerate = R"(
  local function walk(name, value)
    if type(value) ~= "table" then
      return print(name, type(value) == "function" and "function" or "value")
    end
    if pcall(value, "called") then print(name, "function") end
    for key, member in pairs(value) do walk(name .. "." .. key, member) end
  end
  walk("ctx", ctx)
  walk("skep", skep)
  walk("json", json)
  walk("print", print)
)";

Names lines_of(const std::string& text) {
  std::istringstream in(text);
  Names out;
  for (std::string line; std::getline(in, line);) out.insert(line);
  return out;
}

TEST(ApiTable, is_what_a_running_script_finds) {
  Names expected;
  for (const lua::Entry& e : lua::api())
    expected.insert(std::string(e.name) + (e.is_field ? "\tvalue" : "\tfunction"));
  ScriptRig rig;
  const auto ran = rig.body(kEnumerate);
  ASSERT_EQ(ran.outcome.kind, model::OutcomeKind::kSucceeded) << ran.outcome.error;
  EXPECT_EQ(lines_of(ran.out), expected);
}

TEST(ApiTable, names_every_global) {
  Names expected;
  for (const std::string_view name : lua::lua_globals()) expected.emplace(name);
  expected.erase("_ENV");  // a local of the chunk
  ScriptRig rig;
  const auto ran = rig.body("for name in pairs(_G) do print(name) end");
  EXPECT_EQ(lines_of(ran.out), expected) << ran.outcome.error;
}

TEST(ApiTable, names_the_permission_of_every_function_that_needs_one) {
  ScriptRig rig;
  for (const lua::Entry& e : lua::api()) {
    if (e.permission.empty()) continue;
    const auto ran = rig.run(script_with("return " + std::string(e.name) + "()"));
    const std::string denied =
        std::string(e.name) + R"( needs the permission \")" + std::string(e.permission) + R"(\")";
    EXPECT_NE(ran.outcome.error.find(denied), std::string::npos) << ran.outcome.error;
  }
}

}  // namespace
}  // namespace skep::test
