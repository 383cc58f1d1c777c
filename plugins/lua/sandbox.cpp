#include "sandbox.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "convert.hpp"
#include "coroutine.hpp"
#include "lua_state.hpp"
#include "pattern.hpp"

namespace skep::lua {
namespace {

/// What one call of a table function may walk over.
constexpr lua_Integer kMaxSpan = 10'000'000;

int load_text(lua_State* L) {
  if (lua_type(L, 1) != LUA_TSTRING) throw std::runtime_error("load() takes the text of a chunk");
  const std::string_view source = check_text(L, 1);
  const std::string_view name = lua_isnoneornil(L, 2) ? "=(load)" : check_text(L, 2);
  State::of(L).charge(L, source.size());
  const bool has_env = !lua_isnone(L, 4);
  // Text only: bytecode is not checked by Lua and can do anything to this process.
  if (luaL_loadbufferx(L, source.data(), source.size(), name.data(), "t") != LUA_OK) {
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
  }
  if (has_env) {
    lua_pushvalue(L, 4);
    if (lua_setupvalue(L, -2, 1) == nullptr) lua_pop(L, 1);
  }
  return 1;
}

int set_metatable(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    throw std::runtime_error("cannot change a protected metatable");
  if (lua_istable(L, 2)) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL)
      throw std::runtime_error("__gc is not available to scripts; use a __close variable");
    lua_pop(L, 1);
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

/// "count" only: a full collection is long and cannot be interrupted.
int collect_garbage(lua_State* L) {
  static const char* const kOptions[] = {"collect",      "count",       "step",     "isrunning",
                                         "stop",         "restart",     "setpause", "setstepmul",
                                         "generational", "incremental", nullptr};
  if (luaL_checkoption(L, 1, "collect", kOptions) == 1)
    lua_pushnumber(L, lua_gc(L, LUA_GCCOUNT) + lua_gc(L, LUA_GCCOUNTB) / 1024.0);
  else
    lua_pushinteger(L, 0);
  return 1;
}

/// Calls the function in upvalue 1 with the arguments of this one.
int call_original(lua_State* L) {
  const int arguments = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, arguments, LUA_MULTRET);
  return lua_gettop(L);
}

/// A C function that walks over its first text without a look at the clock.
int by_length(lua_State* L) {
  State::of(L).charge(L, to_text(L, 1).size() / 8);
  return call_original(L);
}

int repeat(lua_State* L) {
  const std::string_view text = check_text(L, 1);
  const std::string_view separator = lua_isnoneornil(L, 3) ? "" : check_text(L, 3);
  const lua_Integer times = luaL_checkinteger(L, 2);
  if (text.empty() && separator.empty()) {
    lua_pushliteral(L, "");
    return 1;
  }
  if (times > 0)
    State::of(L).expect_memory(L, static_cast<std::uint64_t>(times),
                               text.size() + separator.size());
  return call_original(L);
}

/// Argument `arg` as the library will take it, be it a float or a text.
lua_Integer bound_at(lua_State* L, int arg, lua_Integer fallback) {
  if (lua_isnoneornil(L, arg)) return fallback;
  const lua_Integer bound = luaL_checkinteger(L, arg);
  lua_pushinteger(L, bound);
  lua_replace(L, arg);
  return bound;
}

/// A table function that walks from 1 to #t, or over the span of two of its arguments.
int by_span(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  if (luaL_getmetafield(L, 1, "__len") != LUA_TNIL)
    throw std::runtime_error("tables with __len are not taken here");
  auto span = static_cast<lua_Integer>(lua_rawlen(L, 1));
  const auto from = static_cast<int>(lua_tointeger(L, lua_upvalueindex(2)));
  if (from != 0) {
    const lua_Integer first = bound_at(L, from, 1);
    const lua_Integer last = bound_at(L, from + 1, span);
    const auto apart = static_cast<lua_Unsigned>(last) - static_cast<lua_Unsigned>(first);
    span = last < first ? 0 : static_cast<lua_Integer>(std::min<lua_Unsigned>(apart, kMaxSpan + 1));
  }
  if (span > kMaxSpan)
    throw std::runtime_error("more than " + std::to_string(kMaxSpan) + " elements at once");
  State::of(L).charge(L, static_cast<std::uint64_t>(span));
  return call_original(L);
}

/// What sort() compares with when the script gives nothing: texts cost their length.
int is_less(lua_State* L) {
  State::of(L).charge(L, 1 + std::min(lua_rawlen(L, 1), lua_rawlen(L, 2)) / 8);
  lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
  return 1;
}

int sort(lua_State* L) {
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_pushcfunction(L, bound<is_less>);
    lua_replace(L, 2);
  }
  return by_span(L);
}

void keep(lua_State* L, const char* library, std::initializer_list<const char*> names) {
  lua_newtable(L);
  for (const char* name : names) {
    lua_getfield(L, -2, name);
    lua_setfield(L, -2, name);
  }
  lua_setglobal(L, library);
  lua_pop(L, 1);
}

void drop(lua_State* L, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    lua_pushnil(L);
    lua_setfield(L, -2, name);
  }
}

/// Puts `wrapper` around functions of the table on top of the stack.
void wrap(lua_State* L, lua_CFunction wrapper, std::initializer_list<const char*> names,
          int argument = 0) {
  for (const char* name : names) {
    lua_getfield(L, -1, name);
    lua_pushinteger(L, argument);
    lua_pushcclosure(L, wrapper, 2);
    lua_setfield(L, -2, name);
  }
}

void open_base(lua_State* L) {
  luaL_requiref(L, "_G", luaopen_base, 1);
  drop(L, {"dofile", "loadfile", "warn", "print"});
  static constexpr luaL_Reg kFunctions[] = {{"load", bound<load_text>},
                                            {"setmetatable", bound<set_metatable>},
                                            {"collectgarbage", bound<collect_garbage>},
                                            {nullptr, nullptr}};
  luaL_setfuncs(L, kFunctions, 0);
  lua_pop(L, 1);
}

void open_string(lua_State* L) {
  luaL_requiref(L, "string", luaopen_string, 1);
  drop(L, {"dump"});
  install_patterns(L);
  wrap(L, bound<repeat>, {"rep"});
  wrap(L, bound<by_length>, {"byte", "lower", "reverse", "upper"});
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushliteral(L, "string");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 3);
}

void open_table(lua_State* L) {
  luaL_requiref(L, "table", luaopen_table, 1);
  wrap(L, bound<by_span>, {"insert", "remove"});
  wrap(L, bound<sort>, {"sort"});
  wrap(L, bound<by_span>, {"move"}, 2);
  wrap(L, bound<by_span>, {"concat"}, 3);
  lua_pop(L, 1);
}

}  // namespace

void open_sandbox(lua_State* L) {
  open_base(L);
  open_string(L);
  open_table(L);
  luaL_requiref(L, "math", luaopen_math, 1);
  luaL_requiref(L, "coroutine", luaopen_coroutine, 1);
  install_coroutines(L);
  luaL_requiref(L, "utf8", luaopen_utf8, 1);
  wrap(L, bound<by_length>, {"codepoint", "len", "offset"});
  lua_pop(L, 3);
  luaL_requiref(L, "os", luaopen_os, 0);
  keep(L, "os", {"clock", "date", "difftime", "time"});
  install_json(L);
}

}  // namespace skep::lua
