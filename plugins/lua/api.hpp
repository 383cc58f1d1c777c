// The script API as one table: the checks of `skep script lint`, the type stubs in
// share/skep/lua/skep.lua and docs/reference/lua.md are made from it, and a test compares it with
// what a running script finds.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skep::lua {

struct Value {
  std::string_view name;  ///< ends with "?" when it may be left out; "" of results
  std::string_view type;  ///< as LuaLS writes types
  std::string_view doc;
};

struct Entry {
  std::string_view name;        ///< "ctx.http.get", "json.encode", "skep.null"
  std::string_view permission;  ///< "" = none needed
  std::string_view doc;
  bool is_field = false;  ///< a value; `results` says its type
  std::vector<Value> parameters{};
  std::vector<Value> results{};
};

struct Permission {
  std::string_view name;
  std::string_view grants;
  std::string_view risk;
};

/// In the order of the reference.
std::span<const Entry> api();
std::span<const Permission> permissions();
/// Members of a shape: names of the keys that skep.task and ctx.exec take.
struct Shape {
  std::string_view name;  ///< LuaLS class
  std::string_view doc;
  std::vector<Value> fields;
};
std::span<const Shape> shapes();
/// Globals of Lua itself that scripts have: "print", "string.format" is found under "string".
std::span<const std::string_view> lua_globals();

/// The type stubs, and the reference as Markdown.
std::string stubs();
std::string reference();
/// docs/permissions.md
std::string permissions_reference();

}  // namespace skep::lua
