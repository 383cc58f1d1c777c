// coroutine.resume and coroutine.wrap that never resume what cannot run.
//
// Rationale: lua_resume() then makes its message outside any protected call. When that fails for
// want of memory, Lua 5.4 compiled as C++ throws to the main thread, and the handlers of the
// coroutines between take the exception for theirs: the stack is overrun. So the checks come first.
#pragma once

#include "lua.hpp"

namespace skep::lua {

/// Replaces resume and wrap in the table on top of the stack.
void install_coroutines(lua_State* L);

}  // namespace skep::lua
