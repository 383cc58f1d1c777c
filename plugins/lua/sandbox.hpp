// What a script finds in its globals: Lua's own libraries without the doors out of the state.
#pragma once

#include "lua.hpp"

namespace skep::lua {

/// Opens base, string, table, math, utf8, coroutine and the harmless part of os; adds json and skep
/// (null, array). Gone: io, debug, package, require, dofile, loadfile, os.execute and the like,
/// bytecode, finalizers.
void open_sandbox(lua_State* L);

}  // namespace skep::lua
