// Lua values and JSON.
//
// To JSON: integers stay integers; a table whose keys are 1..n is an array, any other one with text
// keys an object, and an empty one an object unless skep.array() made it; skep.null is null. From
// JSON: the same the other way round, arrays marked so that they come back as arrays. Functions,
// mixed keys, inf and nan are errors that name the member.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lua.hpp"
#include "skep/json.hpp"

namespace skep::lua {

inline constexpr std::size_t kMaxJson = std::size_t{4} << 20;

/// The value at `index` as JSON text of at most kMaxJson bytes. Throws std::runtime_error with the
/// path of what has no JSON: "result.when[2]: a function".
std::string encode(lua_State* L, int index, std::string_view name);
/// Pushes the value.
void push(lua_State* L, const Json& value);
/// Parses and pushes; throws for text that is no JSON or too long.
void push_json(lua_State* L, std::string_view text);

/// The global `json`, and skep.null and skep.array in the global `skep`.
void install_json(lua_State* L);
/// Pushes the metatable of that name as luaL_newmetatable does, but closed to scripts: they could
/// give it a __gc, which no limit stops. True when it is new.
bool push_metatable(lua_State* L, const char* name);
/// Marks the table on top of the stack as an array.
void mark_array(lua_State* L);
bool is_null(lua_State* L, int index);

}  // namespace skep::lua
