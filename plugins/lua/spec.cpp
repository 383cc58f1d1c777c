#include "spec.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "api.hpp"
#include "convert.hpp"
#include "lua_state.hpp"

namespace skep::lua {
namespace {

constexpr const char* kDeclared = "skep.declared";
constexpr std::int64_t kDefaultTimeoutMs = 30'000;
constexpr std::int64_t kMaxTimeoutMs = 7LL * 86'400'000;

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error("skep.task: " + what);
}

std::string quoted(std::string_view s) { return '"' + std::string(s) + '"'; }

bool is_type_name(std::string_view s) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  return !s.empty() && s.size() <= 64 && s.front() != '.' && s.back() != '.' &&
         s.find("..") == std::string_view::npos && std::all_of(s.begin(), s.end(), fine);
}

bool is_version(std::string_view s) {
  int parts = 1;
  bool digit = false;
  for (const char c : s.substr(0, s.find_first_of("-+"))) {
    if (c == '.' && digit) {
      ++parts;
      digit = false;
    } else if (c >= '0' && c <= '9') {
      digit = true;
    } else {
      return false;
    }
  }
  return parts == 3 && digit && s.size() <= 64;
}

/// A text member; nothing when it is not there.
std::optional<std::string> text_of(lua_State* L, int index, const char* key) {
  const int type = lua_getfield(L, index, key);
  if (type != LUA_TNIL && type != LUA_TSTRING)
    refuse(std::string(key) + " is a " + luaL_typename(L, -1) + "; expected a string");
  std::optional<std::string> out;
  if (type == LUA_TSTRING) out = to_text(L, -1);
  lua_pop(L, 1);
  return out;
}

std::string name_of(lua_State* L, int index) {
  const auto name = text_of(L, index, "name");
  if (!name) refuse("name is missing; it is the task type that people submit");
  if (!is_type_name(*name))
    refuse("name is " + quoted(*name) +
           "; expected a-z, 0-9, _ and -, parts separated by dots, "
           "64 characters at most");
  return *name;
}

std::string version_of(lua_State* L, int index) {
  const auto version = text_of(L, index, "version");
  if (!version) refuse("version is missing; write version = \"1.0.0\"");
  if (!is_version(*version))
    refuse("version is " + quoted(*version) + "; expected a semantic version such as \"1.0.0\"");
  return *version;
}

std::int64_t parse_timeout(std::string_view text) {
  double number = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(r.ptr - text.data()));
  const double ms = unit == "ms"  ? 1
                    : unit == "s" ? 1000
                    : unit == "m" ? 60'000
                    : unit == "h" ? 3'600'000
                                  : 0;
  if (r.ec != std::errc() || ms == 0 || !(number * ms >= 1 && number * ms <= double{kMaxTimeoutMs}))
    refuse("timeout is " + quoted(text) +
           "; expected \"500ms\", \"30s\", \"5m\", \"1h\" or seconds, a week at most");
  return static_cast<std::int64_t>(number * ms);
}

std::int64_t timeout_of(lua_State* L, int index) {
  const int type = lua_getfield(L, index, "timeout");
  std::int64_t out = kDefaultTimeoutMs;
  if (type == LUA_TSTRING)
    out = parse_timeout(to_text(L, -1));
  else if (type == LUA_TNUMBER)
    out = parse_timeout(std::to_string(lua_tonumber(L, -1)) + "s");
  else if (type != LUA_TNIL)
    refuse(std::string("timeout is a ") + luaL_typename(L, -1) + "; expected \"30s\" or seconds");
  lua_pop(L, 1);
  return out;
}

std::vector<std::string_view> permission_names() {
  std::vector<std::string_view> out;
  for (const Permission& p : permissions()) out.push_back(p.name);
  return out;
}

std::vector<std::string> permissions_of(lua_State* L, int index) {
  std::vector<std::string> out;
  const int type = lua_getfield(L, index, "permissions");
  if (type != LUA_TNIL && type != LUA_TTABLE)
    refuse(std::string("permissions is a ") + luaL_typename(L, -1) +
           "; expected a list such as { \"facts\" }");
  const auto known = permission_names();
  const lua_Unsigned n = type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
  for (lua_Unsigned i = 1; i <= n; ++i) {
    lua_rawgeti(L, -1, static_cast<lua_Integer>(i));
    const std::string word(lua_type(L, -1) == LUA_TSTRING ? to_text(L, -1) : "");
    lua_pop(L, 1);
    if (std::find(known.begin(), known.end(), word) == known.end())
      refuse("permission " + quoted(word) + " is unknown; " + suggest(word, known));
    if (std::find(out.begin(), out.end(), word) == out.end()) out.push_back(word);
  }
  lua_pop(L, 1);
  return out;
}

/// One shorthand parameter as a JSON Schema; the table or name is on top of the stack.
Json parameter(lua_State* L, const std::string& name, Json& required) {
  if (lua_type(L, -1) == LUA_TSTRING) return Json().set("type", to_text(L, -1));
  if (!lua_istable(L, -1))
    refuse("params." + name + " is a " + luaL_typename(L, -1) +
           "; expected { type = \"string\" } or \"string\"");
  const Json written = Json::parse(encode(L, -1, "params." + name));
  Json out = Json::object();
  for (const auto& [key, value] : written.members()) {
    if (key != "required" || value.is_array())
      out.set(key, value);
    else if (value.boolean())
      required.push(name);
  }
  return out;
}

bool is_whole_schema(lua_State* L) {
  const bool object = lua_getfield(L, -1, "type") == LUA_TSTRING && to_text(L, -1) == "object";
  lua_pop(L, 1);
  const bool members = lua_getfield(L, -1, "properties") == LUA_TTABLE;
  lua_pop(L, 1);
  return object && members;
}

std::vector<std::string> text_keys(lua_State* L, const char* what) {
  std::vector<std::string> names;
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      refuse(std::string(what) + " has the key " + luaL_tolstring(L, -2, nullptr) +
             "; expected names only");
    names.emplace_back(to_text(L, -2));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Json params_of(lua_State* L, int index) {
  const int type = lua_getfield(L, index, "params");
  Json schema = Json::object({{"type", "object"}, {"properties", Json::object()}});
  if (type != LUA_TNIL && type != LUA_TTABLE)
    refuse(std::string("params is a ") + luaL_typename(L, -1) + "; expected a table");
  if (type == LUA_TTABLE && is_whole_schema(L)) {
    schema = Json::parse(encode(L, -1, "params"));
  } else if (type == LUA_TTABLE) {
    Json properties = Json::object();
    Json required = Json::array();
    for (const std::string& name : text_keys(L, "params")) {
      lua_getfield(L, -1, name.c_str());
      properties.set(name, parameter(L, name, required));
      lua_pop(L, 1);
    }
    schema.set("properties", properties);
    if (!required.items().empty()) schema.set("required", required);
  }
  lua_pop(L, 1);
  return schema;
}

/// What the host reads as it stands; nothing when it is not there.
std::optional<Json> document_of(lua_State* L, int index, const char* key, int expected,
                                const char* words) {
  const int type = lua_getfield(L, index, key);
  if (type != LUA_TNIL && type != expected)
    refuse(std::string(key) + " is a " + luaL_typename(L, -1) + "; expected " + words);
  std::optional<Json> out;
  if (type != LUA_TNIL) out = Json::parse(encode(L, -1, key));
  lua_pop(L, 1);
  return out;
}

std::optional<Json> params_version_of(lua_State* L, int index) {
  return document_of(L, index, "params_version", LUA_TNUMBER, "an integer such as 2");
}

std::optional<Json> migrations_of(lua_State* L, int index) {
  return document_of(L, index, "migrations", LUA_TTABLE,
                     "a list such as { { from = 1, rename = { old = \"new\" } } }");
}

void check_keys(lua_State* L, int index) {
  std::vector<std::string_view> known;
  for (const Value& field : shapes().front().fields)
    known.push_back(field.name.ends_with('?') ? field.name.substr(0, field.name.size() - 1)
                                              : field.name);
  lua_pushvalue(L, index);
  for (const std::string& key : text_keys(L, "the declaration"))
    if (std::find(known.begin(), known.end(), key) == known.end())
      refuse("unknown key " + quoted(key) + "; " + suggest(key, known));
  lua_pop(L, 1);
}

int task(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (lua_getfield(L, LUA_REGISTRYINDEX, kDeclared) != LUA_TNIL)
    refuse("called twice; a file declares one task type");
  lua_pop(L, 1);
  check_keys(L, 1);
  name_of(L, 1);
  version_of(L, 1);
  text_of(L, 1, "description");
  timeout_of(L, 1);
  permissions_of(L, 1);
  params_of(L, 1);
  params_version_of(L, 1);
  migrations_of(L, 1);
  if (lua_getfield(L, 1, "run") != LUA_TFUNCTION)
    refuse(lua_isnil(L, -1)
               ? "run is missing; write run = function(ctx, params) .. end"
               : std::string("run is a ") + luaL_typename(L, -1) + "; expected a function");
  lua_pop(L, 1);
  lua_pushvalue(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, kDeclared);
  return 1;
}

void check_declared(lua_State* L, int index) {
  lua_getfield(L, LUA_REGISTRYINDEX, kDeclared);
  const bool same = lua_istable(L, index) && lua_rawequal(L, index, -1) != 0;
  lua_pop(L, 1);
  if (!same)
    throw std::runtime_error(
        "the file does not return a task; write: return skep.task { name = .., run = .. }");
}

}  // namespace

std::string suggest(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t least = std::clamp<std::size_t>(word.size() / 3, 1, 3) + 1;
  for (const std::string_view k : known) {
    const std::size_t longer = std::max(word.size(), k.size()) - std::min(word.size(), k.size());
    if (longer >= least) continue;
    if (const std::size_t d = distance(word, k); d < least) {
      least = d;
      best = k;
    }
  }
  if (!best.empty()) return "did you mean " + quoted(best) + "?";
  std::string out = "known:";
  for (const std::string_view k : known) out += (out.back() == ':' ? " " : ", ") + std::string(k);
  return out;
}

void install_task(lua_State* L) {
  lua_getglobal(L, "skep");
  lua_pushcfunction(L, bound<task>);
  lua_setfield(L, -2, "task");
  lua_pop(L, 1);
}

void push_run(lua_State* L, int index) {
  check_declared(L, index);
  lua_getfield(L, index, "run");
}

std::vector<std::string> declared_permissions(lua_State* L, int index) {
  return permissions_of(L, index);
}

std::string manifest(lua_State* L, int index, const std::vector<std::string>& warnings) {
  check_declared(L, index);
  Json granted = Json::array();
  for (const std::string& p : permissions_of(L, index)) granted.push(p);
  Json said = Json::array();
  for (const std::string& w : warnings) said.push(w);
  Json out = Json::object({{"name", name_of(L, index)},
                           {"version", version_of(L, index)},
                           {"description", text_of(L, index, "description").value_or("")},
                           {"params", params_of(L, index)},
                           {"permissions", granted},
                           {"timeout_ms", timeout_of(L, index)},
                           {"warnings", said}});
  if (auto version = params_version_of(L, index)) out.set("params_version", std::move(*version));
  if (auto steps = migrations_of(L, index)) out.set("migrations", std::move(*steps));
  return out.dump();
}

}  // namespace skep::lua
