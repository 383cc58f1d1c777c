#include "convert.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "lua_state.hpp"

namespace skep::lua {
namespace {

constexpr int kMaxDepth = 64;
constexpr const char* kArray = "skep.array";

/// The one value of skep.null, by its address.
int g_null = 0;

bool is_array(lua_State* L, int index) {
  if (lua_getmetatable(L, index) == 0) return false;
  luaL_getmetatable(L, kArray);
  const bool same = lua_rawequal(L, -1, -2) != 0;
  lua_pop(L, 2);
  return same;
}

class Encoder {
 public:
  Encoder(lua_State* L, std::string_view name) : lua_(L), path_(name) {}

  void value(int index) {
    luaL_checkstack(lua_, 8, "nested too deep");
    if (++depth_ > kMaxDepth) fail("nested too deep, or in itself");
    if (out_.size() > kMaxJson) too_large();
    State::of(lua_).charge(lua_, 1);
    switch (lua_type(lua_, index)) {
      case LUA_TNIL:
        out_ += "null";
        break;
      case LUA_TBOOLEAN:
        out_ += lua_toboolean(lua_, index) != 0 ? "true" : "false";
        break;
      case LUA_TNUMBER:
        number(index);
        break;
      case LUA_TSTRING:
        quote(to_text(lua_, index));
        break;
      case LUA_TTABLE:
        table(index);
        break;
      default:
        if (!is_null(lua_, index))
          fail(std::string("a ") + luaL_typename(lua_, index) + " has no JSON");
        out_ += "null";
    }
    --depth_;
  }
  std::string take() {
    if (out_.size() > kMaxJson) throw std::runtime_error("more than 4 MiB as JSON");
    return std::move(out_);
  }

 private:
  [[noreturn]] void too_large() const { fail("more than 4 MiB as JSON"); }

  void quote(std::string_view text) {
    expect(text.size());
    Json::quote(out_, text);
  }

  void number(int index) {
    char buffer[40];
    char* end = buffer;
    if (lua_isinteger(lua_, index) != 0) {
      end = std::to_chars(buffer, buffer + sizeof(buffer), lua_tointeger(lua_, index)).ptr;
    } else {
      const double d = lua_tonumber(lua_, index);
      if (!std::isfinite(d)) fail("inf and nan have no JSON");
      end = std::to_chars(buffer, buffer + sizeof(buffer), d).ptr;
      // A float stays one: 1.0 is not 1 in Lua.
      if (std::string_view(buffer, end).find_first_of(".e") == std::string_view::npos) {
        *end++ = '.';
        *end++ = '0';
      }
    }
    out_.append(buffer, end);
  }

  /// Before `bytes` more are copied.
  void expect(std::size_t bytes) const {
    if (out_.size() + ahead_ + bytes > kMaxJson) too_large();
  }

  void table(int index) {
    index = lua_absindex(lua_, index);
    const auto n = static_cast<lua_Integer>(lua_rawlen(lua_, index));
    std::vector<std::string> keys;
    lua_Integer numbered = 0;
    for (lua_pushnil(lua_); lua_next(lua_, index) != 0; lua_pop(lua_, 1)) {
      if (lua_type(lua_, -2) == LUA_TSTRING) {
        expect(cost(to_text(lua_, -2)));
        ahead_ += cost(keys.emplace_back(to_text(lua_, -2)));
      } else if (lua_isinteger(lua_, -2) != 0 && lua_tointeger(lua_, -2) >= 1 &&
                 lua_tointeger(lua_, -2) <= n) {
        ++numbered;
      } else {
        fail(std::string("the key ") + luaL_tolstring(lua_, -2, nullptr) +
             " fits neither a list nor an object");
      }
    }
    if (numbered > 0 && !keys.empty()) fail("both a list and the member \"" + keys.front() + "\"");
    if (numbered != n) fail("a list with holes; use skep.null");
    if (n > 0 || (keys.empty() && is_array(lua_, index))) return array(index, n);
    std::sort(keys.begin(), keys.end());
    object(index, keys);
  }

  /// Of a key: its quotes, colon and comma too, so that many short ones count.
  static std::size_t cost(std::string_view key) { return key.size() + 4; }

  void array(int index, lua_Integer n) {
    out_ += '[';
    for (lua_Integer i = 1; i <= n; ++i) {
      if (i > 1) out_ += ',';
      lua_rawgeti(lua_, index, i);
      member("[" + std::to_string(i) + "]");
      lua_pop(lua_, 1);
    }
    out_ += ']';
  }

  void object(int index, const std::vector<std::string>& keys) {
    out_ += '{';
    for (const char* comma = ""; const std::string& key : keys) {
      out_ += comma;
      ahead_ -= cost(key);
      quote(key);
      out_ += ':';
      lua_pushlstring(lua_, key.data(), key.size());
      lua_rawget(lua_, index);
      member("." + key);
      lua_pop(lua_, 1);
      comma = ",";
    }
    out_ += '}';
  }

  /// The value on top of the stack, which lies at `step` from the present one.
  void member(const std::string& step) {
    const std::size_t here = path_.size();
    path_ += step;
    value(lua_gettop(lua_));
    path_.resize(here);
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(path_ + ": " + what);
  }

  lua_State* lua_;
  std::string path_;  ///< of the present value, for messages
  std::string out_;
  std::size_t ahead_ = 0;  ///< cost of the keys that are copied and not yet in out_
  int depth_ = 0;
};

int json_encode(lua_State* L) {
  luaL_checkany(L, 1);
  const std::string text = encode(L, 1, "value");
  lua_pushlstring(L, text.data(), text.size());
  return 1;
}

/// The value; nil and a message for text that is no JSON.
int json_decode(lua_State* L) {
  const std::string_view text = check_text(L, 1);
  State::of(L).charge(L, text.size());
  Json parsed;
  try {
    if (text.size() > kMaxJson) throw std::runtime_error("JSON: more than 4 MiB");
    parsed = Json::parse(text);
  } catch (const std::runtime_error& e) {
    luaL_pushfail(L);
    lua_pushstring(L, e.what());
    return 2;
  }
  push(L, parsed);
  return 1;
}

int make_array(lua_State* L) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (is_array(L, 1)) return 1;
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    throw std::runtime_error("skep.array: cannot change a protected metatable");
  mark_array(L);
  return 1;
}

int null_name(lua_State* L) {
  lua_pushliteral(L, "null");
  return 1;
}

}  // namespace

std::string encode(lua_State* L, int index, std::string_view name) {
  Encoder encoder(L, name);
  encoder.value(lua_absindex(L, index));
  return encoder.take();
}

void push(lua_State* L, const Json& value) {
  luaL_checkstack(L, 8, "nested too deep");
  if (value.is_null()) return lua_pushlightuserdata(L, &g_null);
  if (value.is_string()) {
    lua_pushlstring(L, value.str().data(), value.str().size());
  } else if (value.is_number()) {
    const double d = value.number();
    const std::int64_t i = value.integer();
    if (value.is_integer())
      lua_pushinteger(L, i);
    else
      lua_pushnumber(L, d);
  } else if (value.is_array()) {
    lua_createtable(L, static_cast<int>(value.items().size()), 0);
    lua_Integer i = 0;
    for (const Json& item : value.items()) {
      push(L, item);
      lua_rawseti(L, -2, ++i);
    }
    mark_array(L);
  } else if (value.is_object()) {
    lua_createtable(L, 0, static_cast<int>(value.members().size()));
    for (const auto& [key, member] : value.members()) {
      lua_pushlstring(L, key.data(), key.size());
      push(L, member);
      lua_rawset(L, -3);
    }
  } else {
    lua_pushboolean(L, value.boolean() ? 1 : 0);
  }
}

void push_json(lua_State* L, std::string_view text) {
  if (text.size() > kMaxJson) throw std::runtime_error("JSON: more than 4 MiB");
  push(L, Json::parse(text));
}

bool is_null(lua_State* L, int index) { return lua_touserdata(L, index) == &g_null; }

bool push_metatable(lua_State* L, const char* name) {
  if (luaL_newmetatable(L, name) == 0) return false;
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  return true;
}

void mark_array(lua_State* L) {
  push_metatable(L, kArray);
  lua_setmetatable(L, -2);
}

void install_json(lua_State* L) {
  lua_createtable(L, 0, 2);
  static constexpr luaL_Reg kJson[] = {
      {"encode", bound<json_encode>}, {"decode", bound<json_decode>}, {nullptr, nullptr}};
  luaL_setfuncs(L, kJson, 0);
  lua_setglobal(L, "json");
  lua_createtable(L, 0, 4);
  lua_pushcfunction(L, bound<make_array>);
  lua_setfield(L, -2, "array");
  lua_pushlightuserdata(L, &g_null);
  lua_createtable(L, 0, 2);  // of all light userdata, of which null is the only one
  lua_pushcfunction(L, null_name);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "null");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "null");
  lua_setglobal(L, "skep");
}

}  // namespace skep::lua
