// What loading a script says about it without running it.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "core/base/json.hpp"
#include "tests/support/script_rig.hpp"

namespace skep::test {
namespace {

std::string warnings(const std::string& body, const std::string& permissions = "") {
  ScriptRig rig;
  const auto loaded =
      rig.load("return skep.task { name = 't', version = '1.0.0', permissions = { " + permissions +
               " }, run = function(ctx, params)\n" + body + "\nend }");
  if (!loaded) return loaded.error().message;
  return get_raw(parse_json(*loaded)->get_object(), "warnings");
}

TEST(Lint, is_silent_about_a_sound_script) {
  EXPECT_EQ(warnings("local function f(x) return (x or 'a'):upper() .. string.format('%d', 1) end\n"
                     "ctx.log.info('x', { y = f() }) ctx.log('hi') print(os.time(), params.z.w)\n"
                     "return { ctx.task_id, json.encode(skep.null) }"),
            "[]");
}

TEST(Lint, finds_undefined_globals_and_members_with_their_lines) {
  EXPECT_EQ(warnings("\nlocal t = tabl.concat({})\nctx.lgo('x')\nctx.log.inform('x')\n"
                     "return string.fromat('x')"),
            R"(["t.lua:3: undefined global \"tabl\"; did you mean \"table\"?",)"
            R"("t.lua:4: there is no ctx.lgo; did you mean \"ctx.log\"?",)"
            R"("t.lua:5: there is no ctx.log.inform; did you mean \"ctx.log.info\"?",)"
            R"("t.lua:6: there is no string.fromat"])");
}

TEST(Lint, names_what_to_use_instead_of_what_is_gone) {
  EXPECT_EQ(warnings("os.execute('ls')\nreturn io"),
            R"(["t.lua:2: os.execute is not available to scripts; use ctx.exec",)"
            R"("t.lua:3: io is not available to scripts; use print, ctx.kv or ctx.exec"])");
}

TEST(Lint, finds_permissions_that_are_not_declared_also_in_inner_functions) {
  EXPECT_EQ(warnings("local function get() return ctx.http.get('http://x') end\n"
                     "return get(), ctx.exec{ 'ls' }",
                     "'exec'"),
            R"(["t.lua:2: ctx.http.get needs the permission \"http\", which skep.task does not )"
            R"(declare"])");
}

TEST(Lint, knows_globals_that_the_script_makes) {
  EXPECT_EQ(warnings("helper = 1\nreturn helper"), "[]");
}

}  // namespace
}  // namespace skep::test
