#include "ctx.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "api.hpp"
#include "convert.hpp"
#include "lua_state.hpp"
#include "spec.hpp"

namespace skep::lua {
namespace {

/// The names that the core gives the codes.
struct CodeName {
  skep_rc code;
  const char* name;
};
constexpr std::array<CodeName, 15> kCodes{{{SKEP_E_CANCELLED, "cancelled"},
                                           {SKEP_E_DEADLINE, "deadline"},
                                           {SKEP_E_INVALID, "invalid"},
                                           {SKEP_E_NOT_FOUND, "not-found"},
                                           {SKEP_E_UNSUPPORTED, "unsupported"},
                                           {SKEP_E_BUSY, "busy"},
                                           {SKEP_E_UNAVAILABLE, "unavailable"},
                                           {SKEP_E_DENIED, "denied"},
                                           {SKEP_E_CONFIG, "config"},
                                           {SKEP_E_STATE, "conflict"},
                                           {SKEP_E_NO_MEMORY, "no-space"},
                                           {SKEP_E_CORRUPT, "corrupt"},
                                           {SKEP_E_INTERNAL, "internal"},
                                           {SKEP_E_FAILED, "failed"},
                                           {SKEP_E_NOT_HERE, "not-here"}}};

/// What has been charged; a cancelled call ends the script here.
void emit(lua_State* L, std::uint32_t channel, std::string_view bytes) {
  if (call_of(L).emit(channel, bytes) == SKEP_E_CANCELLED) State::of(L).check(L);
}

int print(lua_State* L) {
  if (State::of(L).call() == nullptr) return 0;  // while the script is loaded
  std::string line;
  const int n = lua_gettop(L);
  for (int i = 1; i <= n; ++i) {
    luaL_tolstring(L, i, nullptr);
    State::of(L).charge_output(L, to_text(L, -1).size() + 1);
    if (i > 1) line += '\t';
    line += to_text(L, -1);
    lua_pop(L, 1);
  }
  line += '\n';
  emit(L, SKEP_CH_STDOUT, line);
  return 0;
}

void write_log(lua_State* L, const char* level, int event) {
  const std::string_view what = check_text(L, event);
  State::of(L).charge_output(L, what.size());
  std::string line = "{\"level\":\"" + std::string(level) + "\",\"event\":";
  Json::quote(line, what);
  if (!lua_isnoneornil(L, event + 1)) {
    luaL_checktype(L, event + 1, LUA_TTABLE);
    Json fields = Json::parse(encode(L, event + 1, "fields"));
    if (fields.is_array()) throw std::runtime_error("fields: expected names, not a list");
    for (const auto& [name, value] : fields.members()) {
      if (name == "level" || name == "event") continue;
      line += ',';
      Json::quote(line, name);
      line += ':' + value.dump();
    }
  }
  line += '}';
  State::of(L).charge_output(L, line.size() - what.size());
  emit(L, SKEP_CH_LOG, line);
}

int log_debug(lua_State* L) { return write_log(L, "debug", 1), 0; }
int log_info(lua_State* L) { return write_log(L, "info", 1), 0; }
int log_warn(lua_State* L) { return write_log(L, "warn", 1), 0; }
int log_error(lua_State* L) { return write_log(L, "error", 1), 0; }
/// ctx.log(..): the table itself is argument 1.
int log_call(lua_State* L) { return write_log(L, "info", 2), 0; }

int progress(lua_State* L) {
  const double done = luaL_checknumber(L, 1);
  const bool thousandths = lua_isinteger(L, 1) != 0 && done > 1;
  const double permille = thousandths ? done : done * 1000;
  if (!(permille >= 0 && permille <= 1000))
    throw std::runtime_error("progress: expected 0 to 1, or an integer up to 1000");
  const std::string_view note = lua_isnoneornil(L, 2) ? "" : check_text(L, 2);
  call_of(L).progress(static_cast<std::uint32_t>(std::lround(permille)), note);
  State::of(L).check(L);
  return 0;
}

int sleep(lua_State* L) {
  const double seconds = luaL_checknumber(L, 1);
  if (!(seconds >= 0)) throw std::runtime_error("sleep: expected 0 or more seconds");
  const double ns = std::min(seconds, 1e9) * 1e9;
  call_of(L).wait_until(monotonic_ns() + static_cast<std::int64_t>(ns));
  State::of(L).check(L);
  return 0;
}

int remaining(lua_State* L) {
  const std::int64_t deadline = call_of(L).deadline_ns();
  if (deadline == std::numeric_limits<std::int64_t>::max())
    lua_pushnil(L);
  else
    lua_pushnumber(L, std::max(0.0, static_cast<double>(deadline - monotonic_ns()) / 1e9));
  return 1;
}

int now(lua_State* L) {
  lua_pushnumber(L, static_cast<double>(monotonic_ns()) / 1e9);
  return 1;
}

int fail(lua_State* L) {
  State::Failure failure;
  if (lua_istable(L, 1)) {
    const std::string code = text_member(L, 1, "code");
    failure.message = text_member(L, 1, "message");
    failure.retry_ms = static_cast<std::uint32_t>(
        std::clamp(number_member(L, 1, "retry_after", 0) * 1000, 0.0, 4e9));
    if (!code.empty()) failure.code = code_of(code);
    if (failure.code == 0)
      throw std::runtime_error("ctx.fail: unknown code \"" + code + "\"; " +
                               suggest(code, code_names()));
  } else {
    failure.message = check_text(L, 1);
  }
  if (failure.message.empty()) throw std::runtime_error("ctx.fail: the message is missing");
  lua_pushlstring(L, failure.message.data(), failure.message.size());
  lua_createtable(L, 0, 2);  // an error value of its own, so that no other text is taken for it
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "message");
  lua_pushstring(L, code_name(failure.code));
  lua_setfield(L, -2, "code");
  State::of(L).mark_deliberate(L, std::move(failure));
  return lua_error(L);
}

int denied(lua_State* L) {
  const std::string permission(to_text(L, lua_upvalueindex(2)));
  throw std::runtime_error(std::string(to_text(L, lua_upvalueindex(1))) +
                           " needs the permission \"" + permission + "\"; add permissions = { \"" +
                           permission + "\" } to skep.task");
}

int unknown(lua_State* L) {
  const std::string prefix(to_text(L, lua_upvalueindex(1)));
  const std::string name = prefix + "." + luaL_tolstring(L, 2, nullptr);
  std::vector<std::string_view> known;
  for (const Entry& e : api()) known.push_back(e.name);
  throw std::runtime_error("there is no " + name + "; " + suggest(name, known));
}

struct Binding {
  std::string_view name;
  lua_CFunction function;
};
constexpr std::array<Binding, 20> kBindings{{{"log.debug", bound<log_debug>},
                                             {"log.info", bound<log_info>},
                                             {"log.warn", bound<log_warn>},
                                             {"log.error", bound<log_error>},
                                             {"progress", bound<progress>},
                                             {"sleep", bound<sleep>},
                                             {"remaining", bound<remaining>},
                                             {"now", bound<now>},
                                             {"fail", bound<fail>},
                                             {"facts", bound<ctx_facts>},
                                             {"exec", bound<ctx_exec>},
                                             {"http.get", bound<ctx_http_get>},
                                             {"http.post", bound<ctx_http_post>},
                                             {"http.request", bound<ctx_http_request>},
                                             {"task", bound<ctx_task>},
                                             {"secret", bound<ctx_secret>},
                                             {"kv.get", bound<ctx_kv_get>},
                                             {"kv.set", bound<ctx_kv_set>},
                                             {"kv.delete", bound<ctx_kv_delete>},
                                             {"kv.keys", bound<ctx_kv_keys>}}};

std::string_view permission_of(const std::string& name) {
  for (const Entry& e : api())
    if (e.name == name) return e.permission;
  return {};
}

/// Gives the table on top of the stack an error for members that it does not have.
void make_strict(lua_State* L, const char* prefix, lua_CFunction when_called = nullptr) {
  lua_createtable(L, 0, 3);
  lua_pushstring(L, prefix);
  lua_pushcclosure(L, bound<unknown>, 1);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "ctx");
  lua_setfield(L, -2, "__metatable");
  if (when_called != nullptr) {
    lua_pushcfunction(L, when_called);
    lua_setfield(L, -2, "__call");
  }
  lua_setmetatable(L, -2);
}

void push_function(lua_State* L, const Binding& b, const std::vector<std::string>& allowed) {
  const std::string name = "ctx." + std::string(b.name);
  const std::string permission(permission_of(name));
  if (permission.empty() || std::find(allowed.begin(), allowed.end(), permission) != allowed.end())
    return lua_pushcfunction(L, b.function);
  lua_pushlstring(L, name.data(), name.size());
  lua_pushlstring(L, permission.data(), permission.size());
  lua_pushcclosure(L, bound<denied>, 2);
}

void push_field(lua_State* L, const Json& request, const char* name) {
  push(L, request[name]);
  lua_setfield(L, -2, name);
}

}  // namespace

Call& call_of(lua_State* L) { return *State::of(L).call(); }

void install_print(lua_State* L) {
  lua_pushcfunction(L, bound<print>);
  lua_setglobal(L, "print");
}

void push_ctx(lua_State* L, const Json& request, const std::vector<std::string>& allowed) {
  lua_createtable(L, 0, 20);
  for (const char* name : {"task_id", "type", "attempt", "site", "worker_id"})
    push_field(L, request, name);
  for (const char* group : {"log", "http", "kv"}) {
    lua_createtable(L, 0, 4);
    lua_setfield(L, -2, group);
  }
  for (const Binding& b : kBindings) {
    const std::size_t dot = b.name.find('.');
    const std::string group(b.name.substr(0, dot == std::string_view::npos ? 0 : dot));
    const std::string member(b.name.substr(dot == std::string_view::npos ? 0 : dot + 1));
    if (group.empty())
      lua_pushvalue(L, -1);
    else
      lua_getfield(L, -1, group.c_str());
    push_function(L, b, allowed);
    lua_setfield(L, -2, member.c_str());
    lua_pop(L, 1);
  }
  lua_getfield(L, -1, "log");
  make_strict(L, "ctx.log", bound<log_call>);
  lua_getfield(L, -2, "http");
  make_strict(L, "ctx.http");
  lua_getfield(L, -3, "kv");
  make_strict(L, "ctx.kv");
  lua_pop(L, 3);
  make_strict(L, "ctx");
}

void Copies::add(std::size_t bytes) {
  constexpr std::size_t kMost = std::size_t{2} << 20;  // what exec() of Linux takes by default
  constexpr std::size_t kEach = 16;
  if (bytes > kMost || (total_ += bytes + kEach) > kMost)
    throw std::runtime_error(std::string(what_) + ": more than 2 MiB");
}

double number_member(lua_State* L, int index, const char* key, double fallback) {
  const int type = lua_getfield(L, index, key);
  const double out = type == LUA_TNUMBER ? lua_tonumber(L, -1) : fallback;
  lua_pop(L, 1);
  if (type != LUA_TNIL && (type != LUA_TNUMBER || !(out >= 0)))
    throw std::runtime_error(std::string(key) + ": expected a number of 0 or more");
  return out;
}

std::string text_member(lua_State* L, int index, const char* key) {
  const int type = lua_getfield(L, index, key);
  if (type != LUA_TNIL && type != LUA_TSTRING && type != LUA_TNUMBER)
    throw std::runtime_error(std::string(key) + ": expected a string");
  std::string out(to_text(L, -1));
  lua_pop(L, 1);
  return out;
}

std::vector<std::string> pairs_member(lua_State* L, int index, const char* key,
                                      const char* separator) {
  std::vector<std::string> out;
  const int type = lua_getfield(L, index, key);
  if (type != LUA_TNIL && type != LUA_TTABLE)
    throw std::runtime_error(std::string(key) + ": expected a table of names and values");
  Copies copies(key);
  if (type == LUA_TTABLE)
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
      const int value = lua_type(L, -1);
      if (lua_type(L, -2) != LUA_TSTRING || (value != LUA_TSTRING && value != LUA_TNUMBER))
        throw std::runtime_error(std::string(key) + ": expected names with text values");
      luaL_tolstring(L, -1, nullptr);  // a copy: lua_next() wants the value as it was
      copies.add(lua_rawlen(L, -3) + lua_rawlen(L, -1));
      std::string pair = std::string(to_text(L, -3)) + separator;
      pair += to_text(L, -1);
      lua_pop(L, 1);
      out.push_back(std::move(pair));
    }
  lua_pop(L, 1);
  std::sort(out.begin(), out.end());
  return out;
}

const char* code_name(skep_rc code) {
  for (const CodeName& c : kCodes)
    if (c.code == code) return c.name;
  return "internal";
}

skep_rc code_of(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  for (const CodeName& c : kCodes)
    if (name == c.name) return c.code;
  return 0;
}

std::vector<std::string_view> code_names() {
  std::vector<std::string_view> out;
  for (const CodeName& c : kCodes) out.emplace_back(c.name);
  return out;
}

}  // namespace skep::lua
