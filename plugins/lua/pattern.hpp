// Lua's patterns with a bounded cost: the matcher of the standard library cannot be interrupted,
// and
// `.-.-.-.-b` on 100 KB keeps it busy for ever. Semantics of the reference manual, section 6.4.1.
#pragma once

#include "lua.hpp"

namespace skep::lua {

/// Replaces find, match, gmatch and gsub in the table on top of the stack.
void install_patterns(lua_State* L);

}  // namespace skep::lua
