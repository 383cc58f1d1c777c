#include "coroutine.hpp"

#include <stdexcept>
#include <string>

#include "lua_state.hpp"

namespace skep::lua {
namespace {

/// Coroutines inside each other; Lua itself allows 200 C calls.
constexpr int kMaxCoroutineDepth = 64;

/// Counts the nesting however the resume ends.
class Nested {
 public:
  explicit Nested(State& state) : state_(state) { ++state_.coroutine_depth; }
  ~Nested() { --state_.coroutine_depth; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  State& state_;
};

/// Upvalues: the library's resume and status. Arguments: the coroutine and its own. Leaves what
/// coroutine.resume gives and returns how many.
int guarded_resume(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  const int arguments = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  const std::string_view status = to_text(L, -1);
  if (status != "suspended") {
    lua_pushboolean(L, 0);
    lua_pushfstring(L, "cannot resume %s coroutine", status == "dead" ? "dead" : "non-suspended");
    return 2;
  }
  lua_settop(L, arguments);
  State& state = State::of(L);
  if (state.coroutine_depth >= kMaxCoroutineDepth)
    throw std::runtime_error("more than " + std::to_string(kMaxCoroutineDepth) +
                             " coroutines inside each other");
  const Nested nested(state);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, arguments, LUA_MULTRET);
  return lua_gettop(L);
}

/// Upvalues: the same two, the coroutine, and the library's close.
int wrapped(lua_State* L) {
  lua_pushvalue(L, lua_upvalueindex(3));
  lua_insert(L, 1);
  const int results = guarded_resume(L);
  const int first = lua_gettop(L) - results + 1;
  if (lua_toboolean(L, first) != 0) return results - 1;
  lua_settop(L, first + 1);  // false and the error
  if (to_text(L, -1).starts_with("cannot resume")) return lua_error(L);
  State::of(L).check(L);
  lua_pushvalue(L, lua_upvalueindex(4));
  lua_pushvalue(L, lua_upvalueindex(3));
  lua_call(L, 1, 0);
  return lua_error(L);
}

/// Upvalue: the library's close. A coroutine that was stopped has no hooks any more: what it still
/// has to close would run without limits.
int guarded_close(lua_State* L) {
  State::of(L).check(L);
  const int arguments = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, arguments, LUA_MULTRET);
  return lua_gettop(L);
}

/// Upvalues: the library's resume, status, close and create.
int wrap(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, lua_upvalueindex(4));
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  lua_pushvalue(L, lua_upvalueindex(3));
  lua_pushcclosure(L, bound<wrapped>, 4);
  return 1;
}

}  // namespace

void install_coroutines(lua_State* L) {
  const int library = lua_gettop(L);
  for (const char* name : {"resume", "status", "close", "create"}) lua_getfield(L, library, name);
  lua_pushcclosure(L, bound<wrap>, 4);
  lua_setfield(L, library, "wrap");
  for (const char* name : {"resume", "status"}) lua_getfield(L, library, name);
  lua_pushcclosure(L, bound<guarded_resume>, 2);
  lua_setfield(L, library, "resume");
  lua_getfield(L, library, "close");
  lua_pushcclosure(L, bound<guarded_close>, 1);
  lua_setfield(L, library, "close");
}

}  // namespace skep::lua
