// The documents that are made from the API table.
#include <algorithm>

#include "api.hpp"

namespace skep::lua {
namespace {

std::string_view bare(std::string_view name) {
  return name.ends_with('?') ? name.substr(0, name.size() - 1) : name;
}

std::string signature(const Entry& e) {
  std::string out(e.name);
  if (e.is_field) return out;
  out += '(';
  for (const Value& p : e.parameters) {
    if (out.back() != '(') out += ", ";
    out += p.name;
  }
  return out + ")";
}

std::string result_types(const Entry& e) {
  std::string out;
  for (const Value& r : e.results) out += (out.empty() ? "" : ", ") + std::string(r.type);
  return out;
}

/// A "|" inside a table cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string stub_parameters(const Entry& e) {
  std::string out;
  for (const Value& p : e.parameters)
    out += "---@param " + std::string(p.name) + " " + std::string(p.type) + " # " +
           std::string(p.doc) + "\n";
  for (const Value& r : e.results)
    out += "---@return " + std::string(r.type) + (r.doc.empty() ? "" : " # " + std::string(r.doc)) +
           "\n";
  return out;
}

std::string stub_function(const Entry& e, const std::string& name) {
  std::string arguments;
  for (const Value& p : e.parameters)
    arguments += (arguments.empty() ? "" : ", ") + std::string(bare(p.name));
  std::string doc = "\n---" + std::string(e.doc) + "\n";
  if (!e.permission.empty())
    doc += "---Needs the permission `" + std::string(e.permission) + "`.\n";
  return doc + stub_parameters(e) + "function " + name + "(" + arguments + ") end\n";
}

/// "ctx.http.get" in the class that LuaLS knows ctx by.
std::string stub_name(std::string_view name) {
  return name.starts_with("ctx.") ? "Ctx." + std::string(name.substr(4)) : std::string(name);
}

std::string stub_shapes() {
  std::string out;
  for (const Shape& s : shapes()) {
    out += "\n---" + std::string(s.doc) + "\n---@class " + std::string(s.name) + "\n";
    if (s.name == "skep.Command")
      out += "---@field [integer] string the program and its arguments\n";
    for (const Value& f : s.fields)
      out += "---@field " + std::string(f.name) + " " + std::string(f.type) + " " +
             std::string(f.doc) + "\n";
  }
  return out;
}

std::string parameter_rows(const Entry& e) {
  if (e.parameters.empty()) return {};
  std::string out = "\n| argument | type | |\n|---|---|---|\n";
  for (const Value& p : e.parameters)
    out += "| `" + std::string(p.name) + "` | `" + cell(p.type) + "` | " + cell(p.doc) + " |\n";
  return out;
}

std::string entry_section(const Entry& e) {
  std::string out = "### `" + signature(e) + "`\n\n" + std::string(e.doc);
  if (!e.permission.empty())
    out += " Permission: [`" + std::string(e.permission) + "`](../permissions.md).";
  out += '\n';
  out += parameter_rows(e);
  if (!e.results.empty()) out += "\nGives `" + result_types(e) + "`.\n";
  return out + "\n";
}

std::string shape_section(const Shape& s) {
  std::string out = "### `" + std::string(s.name) + "`\n\n" + std::string(s.doc) +
                    "\n\n| key | type | |\n|---|---|---|\n";
  for (const Value& f : s.fields)
    out += "| `" + std::string(f.name) + "` | `" + cell(f.type) + "` | " + cell(f.doc) + " |\n";
  return out + "\n";
}

}  // namespace

std::string stubs() {
  std::string out =
      "---@meta\n-- The API of skep's Lua scripts, for LuaLS. Generated from "
      "plugins/lua/api.cpp.\n";
  out += stub_shapes();
  std::string fields;
  std::string functions;
  for (const Entry& e : api()) {
    const std::string name = stub_name(e.name);
    if (e.is_field && e.name.starts_with("ctx."))
      fields += "---@field " + std::string(e.name.substr(4)) + " " + result_types(e) + " " +
                std::string(e.doc) + "\n";
    else if (e.is_field)
      functions +=
          "\n---" + std::string(e.doc) + "\n---@type " + result_types(e) + "\n" + name + " = nil\n";
    else if (e.name != "print" && e.name != "ctx.log")
      functions += stub_function(e, name);
  }
  out += "\n---What run() gets.\n---@class skep.Ctx\n" + fields + "local Ctx = {}\n";
  out += "\n---@class skep.Log\n---@overload fun(event: string, fields?: table)\nCtx.log = {}\n";
  out += "\n---@class skep.Http\nCtx.http = {}\n\n---@class skep.Kv\nCtx.kv = {}\n";
  out += "\nskep = {}\njson = {}\n";
  return out + functions;
}

std::string reference() {
  std::string out =
      "# Lua API\n\nGenerated from `plugins/lua/api.cpp` by `gen_lua_docs --write`; a test "
      "compares "
      "them.\nA `?` behind a name says that it may be left out. The tutorial is "
      "[write-lua.md](../write-lua.md).\n\n## Functions and values\n\n";
  for (const Entry& e : api()) out += entry_section(e);
  out += "## Shapes\n\n";
  for (const Shape& s : shapes()) out += shape_section(s);
  out +=
      "## From Lua itself\n\nLua 5.4 with `string` (no `dump`), `table`, `math`, `utf8`, "
      "`coroutine`, and of `os` only\n`clock`, `date`, `difftime`, `time`. `load` takes text "
      "only. There is no `io`, `debug`, `package`,\n`require`, `dofile`, `loadfile`, and a "
      "metatable with `__gc` is refused.\n";
  return out;
}

std::string permissions_reference() {
  std::string out =
      "# Permissions of scripts\n\nGenerated from `plugins/lua/api.cpp` by `gen_lua_docs --write`; "
      "a test compares them.\n\nA script may use a group of functions when it declares the "
      "permission in `skep.task` **and** the node grants\nit. What is not declared raises an error "
      "in the script, with its line. What is declared and not granted\nkeeps the script from being "
      "loaded: `skep script list` says which one.\n\n| permission | grants | risk "
      "|\n|---|---|---|\n";
  for (const Permission& p : permissions())
    out += "| `" + std::string(p.name) + "` | " + std::string(p.grants) + " | " +
           std::string(p.risk) + " |\n";
  out += R"(
`ctx.log`, `ctx.progress`, `ctx.sleep`, `ctx.fail`, `print` and `json` need none.

## What a node grants

```toml
[scripts]
allow = ["facts", "kv"]          # the default, for every script

[scripts.service_check]          # one task type
allow = ["facts", "kv", "exec"]  # instead of the list above
```

`[scripts] allow` counts from the node's next start; a script that is saved needs none.

Scripts that come with skep, in the folder `share/skep/scripts` beside the program, get what they declare
unless `[scripts.NAME] allow` says otherwise. That folder belongs to whoever installed skep.

`exec` and `task` act with the rights of the worker's user; a node of skep gives requests of `http` the rights of no
user ([security](security.md)). A script that has `exec` or `task` is as
trusted as a plugin: isolation in a child process protects the worker from its mistakes, not the machine
from its intentions.
)";
  return out;
}

}  // namespace skep::lua
