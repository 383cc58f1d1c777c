// What skep.task { .. } says: read strictly, turned into the manifest that the host wants.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lua.hpp"

namespace skep::lua {

/// Adds skep.task to the global `skep`. The call checks the declaration and raises
/// "FILE:LINE: what is wrong".
void install_task(lua_State* L);

/// Pushes the function `run` of the declaration that the chunk returned, which is at `index`.
/// Raises when it returned something else.
void push_run(lua_State* L, int index);
/// The declaration at `index` as the manifest: see skep_script_host_v1.load.
std::string manifest(lua_State* L, int index, const std::vector<std::string>& warnings);
std::vector<std::string> declared_permissions(lua_State* L, int index);

/// "did you mean \"x\"?" or "known: a, b": what a message about an unknown word ends with.
std::string suggest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace skep::lua
