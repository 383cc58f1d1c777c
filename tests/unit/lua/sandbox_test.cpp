// What a script could only do if one line of the sandbox were missing.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <lua.hpp>
#include <memory>

#include "tests/support/script_rig.hpp"

namespace skep::test {
namespace {

using PlainLua = std::unique_ptr<lua_State, decltype(&lua_close)>;

PlainLua plain_lua() { return {luaL_newstate(), lua_close}; }

std::string bytecode_of(const std::string& source) {
  const PlainLua lua = plain_lua();
  if (luaL_loadstring(lua.get(), source.c_str()) != LUA_OK) return {};
  std::string out;
  const auto append = [](lua_State*, const void* bytes, std::size_t n, void* to) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), n);
    return 0;
  };
  lua_dump(lua.get(), append, &out, 0);
  return out;
}

/// What Lua without a sandbox makes of it.
lua_Integer result_of(const std::string& bytecode) {
  const PlainLua lua = plain_lua();
  if (luaL_loadbufferx(lua.get(), bytecode.data(), bytecode.size(), "code", "b") != LUA_OK ||
      lua_pcall(lua.get(), 0, 1, 0) != LUA_OK)
    return -1;
  return lua_tointeger(lua.get(), -1);
}

/// A text of Lua with exactly these bytes.
std::string quoted(const std::string& bytes) {
  std::string out = "'";
  for (const char c : bytes) {
    std::array<char, 8> escape{};
    std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned char>(c));
    out += escape.data();
  }
  return out + "'";
}

TEST(Sandbox, takes_no_bytecode_however_sound) {
  const std::string code = bytecode_of("return 6 * 7");
  ASSERT_EQ(result_of(code), 42) << "Lua itself would run it";
  ScriptRig rig;
  for (const char* more : {"", ", 'name', 'b'", ", 'name', 'bt', {}"}) {
    const auto ran = rig.body("local f, why = load(" + quoted(code) + more +
                              ") return { loaded = f ~= nil and f(), why = why }");
    EXPECT_EQ(ran.outcome.result,
              R"x({"loaded":false,"why":"attempt to load a binary chunk (mode is 't')"})x")
        << more << ran.outcome.error;
  }
  EXPECT_EQ(rig.body("return load('return 6 * 7')()").outcome.result, "42");
  const auto file = rig.load(code);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("binary chunk"), std::string::npos) << file.error().message;
}

/// The inner coroutine meets the limit. The outer one still has instructions to spend before it
/// looks, and closes the inner one, which has no hooks any more.
TEST(Sandbox, closes_no_coroutine_that_was_stopped) {
  const auto script = [](const std::string& work) {
    return "local inner = coroutine.create(function() "
           "local x <close> = setmetatable({}, { __close = function() ctx.progress(0.5) end }) " +
           work +
           " end) coroutine.wrap(function() "
           "coroutine.resume(inner) coroutine.close(inner) end)()";
  };
  ScriptRig rig(R"({"max_instructions": 100000})");
  const auto closed = rig.body(script("coroutine.yield()"));
  EXPECT_EQ(closed.progress.size(), 1u) << closed.outcome.error;
  const auto ended = rig.body(script("while true do end"));
  EXPECT_NE(ended.outcome.error.find("more than 100000 instructions"), std::string::npos)
      << ended.outcome.error;
  EXPECT_EQ(ended.progress.size(), 0u) << "its handler ran, without limits";
}

}  // namespace
}  // namespace skep::test
