// What can be said of a script without its run(): globals and members of ctx that do not exist,
// permissions that it uses and does not declare.
#pragma once

#include <string>
#include <vector>

#include "lua.hpp"

namespace skep::lua {

/// "FILE:LINE: what" for each finding about the Lua function on top of the stack, a compiled chunk,
/// in the order of the lines, each text once.
std::vector<std::string> lint(lua_State* L, const std::string& file,
                              const std::vector<std::string>& permissions);

}  // namespace skep::lua
