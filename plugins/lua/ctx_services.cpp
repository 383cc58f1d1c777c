// Members of ctx that go through services of the host.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>

#include "convert.hpp"
#include "ctx.hpp"
#include "lua_state.hpp"
#include "skep/http.hpp"
#include "skep/process.hpp"
#include "skep/secret.hpp"
#include "skep/svc/kv.h"
#include "skep/svc/task.h"

namespace skep::lua {
namespace {

constexpr std::size_t kMaxCaptured = std::size_t{1} << 20;
constexpr double kHttpSeconds = 30;
constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// 0 stays 0, which is no limit; anything above it is one.
std::int64_t to_ms(double seconds) {
  return static_cast<std::int64_t>(std::ceil(std::min(seconds, 604'800.0) * 1000));
}

void set_text(lua_State* L, const char* key, std::string_view value) {
  lua_pushlstring(L, value.data(), value.size());
  lua_setfield(L, -2, key);
}
void set_integer(lua_State* L, const char* key, std::int64_t value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, key);
}
void set_boolean(lua_State* L, const char* key, bool value) {
  lua_pushboolean(L, value ? 1 : 0);
  lua_setfield(L, -2, key);
}

struct Captured {
  std::string out{};
  std::string err{};
  bool truncated = false;
  skep_rc take(std::uint32_t channel, std::string_view bytes) {
    std::string& to = channel == SKEP_CH_STDERR ? err : out;
    const std::size_t room = kMaxCaptured - to.size();
    if (bytes.size() > room) truncated = true;
    to.append(clip_text(bytes, room));
    return SKEP_OK;
  }
};

std::vector<std::string> command_words(lua_State* L) {
  std::vector<std::string> out;
  Copies copies("ctx.exec");
  const auto n = static_cast<lua_Integer>(lua_rawlen(L, 1));
  for (lua_Integer i = 1; i <= n; ++i) {
    const int type = lua_rawgeti(L, 1, i);
    if (type != LUA_TSTRING && type != LUA_TNUMBER)
      throw std::runtime_error("ctx.exec: word " + std::to_string(i) + " is a " +
                               luaL_typename(L, -1) + "; expected a string");
    const std::string_view word = to_text(L, -1);
    copies.add(word.size());
    out.emplace_back(word);
    lua_pop(L, 1);
  }
  if (out.empty())
    throw std::runtime_error("ctx.exec: the program is missing: ctx.exec{ \"df\", \"-k\" }");
  return out;
}

void push_exit(lua_State* L, const skep_process_exit& exit, const Captured& captured,
               const std::string& error) {
  lua_createtable(L, 0, 8);
  if (error.empty() && exit.reason == SKEP_EXIT_EXITED) set_integer(L, "exit_code", exit.exit_code);
  if (exit.signal != 0) set_integer(L, "signal", exit.signal);
  set_text(L, "stdout", captured.out);
  set_text(L, "stderr", captured.err);
  set_boolean(L, "truncated", captured.truncated);
  set_boolean(L, "timed_out", exit.reason == SKEP_EXIT_TIMEOUT);
  set_integer(L, "duration_ms", exit.duration_ms);
  if (!error.empty()) set_text(L, "error", error);
}

/// Gives the body its type unless the author named one.
void set_body(HttpRequest& request, std::string body, std::string_view type) {
  constexpr std::string_view kName = "content-type:";
  const bool named =
      std::any_of(request.headers.begin(), request.headers.end(), [&](const std::string& line) {
        return line.size() >= kName.size() &&
               std::equal(kName.begin(), kName.end(), line.begin(), [](char a, char b) {
                 return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + ('a' - 'A')) : b);
               });
      });
  request.body = std::move(body);
  if (!named) request.headers.push_back("Content-Type: " + std::string(type));
}

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kTextType = "text/plain; charset=utf-8";

/// headers, timeout, and json as the body, of the table at `index`.
void read_options(lua_State* L, int index, HttpRequest& out) {
  if (lua_isnoneornil(L, index)) return;
  luaL_checktype(L, index, LUA_TTABLE);
  for (std::string& h : pairs_member(L, index, "headers", ": "))
    out.headers.push_back(std::move(h));
  const double seconds = number_member(L, index, "timeout", kHttpSeconds);
  out.timeout = std::chrono::milliseconds(std::max<std::int64_t>(1, to_ms(seconds)));
  if (lua_getfield(L, index, "json") != LUA_TNIL) set_body(out, encode(L, -1, "json"), kJsonType);
  lua_pop(L, 1);
}

/// Of a request that nobody has said anything about.
HttpRequest request_to(std::string method = "GET") {
  HttpRequest out;
  out.method = std::move(method);
  out.timeout = std::chrono::milliseconds(to_ms(kHttpSeconds));
  return out;
}

int send_it(lua_State* L, HttpRequest request) {
  request.max_body = State::of(L).limits().memory_bytes;
  HttpResponse response;
  std::string why;
  const std::int64_t begun = monotonic_ns();
  try {
    response = send(request, call_of(L).handle());
  } catch (const Fault& fault) {
    why = fault.what();
  }
  State::of(L).check(L);
  lua_createtable(L, 0, 4);
  set_integer(L, "status", response.status);
  set_text(L, "body", response.body);
  set_integer(L, "duration_ms", (monotonic_ns() - begun) / 1'000'000);
  if (response.status == 0) set_text(L, "error", why.empty() ? "no answer" : why);
  return 1;
}

/// Runs a task type of this worker; its result document.
std::string run_task(lua_State* L, std::string_view type, std::string_view params) {
  const auto& tasks = need_service<skep_svc_task_v1>(SKEP_SVC_TASK);
  TextSink result(kMaxJson);
  HostError error;
  error.check(
      tasks.run(host(), call_of(L).handle(), view(type), view(params), result.sink(), error.out()));
  return result.take();
}

void push_result(lua_State* L, const std::string& document) {
  if (document.empty())
    lua_pushnil(L);
  else
    push_json(L, document);
}

int failure_text(lua_State* L) {
  lua_getfield(L, 1, "message");
  return 1;
}

void push_failure(lua_State* L, const Fault& fault) {
  lua_createtable(L, 0, 3);
  set_text(L, "code", code_name(fault.code()));
  set_text(L, "message", fault.what());
  if (fault.retry_ms() > 0) {
    lua_pushnumber(L, fault.retry_ms() / 1000.0);
    lua_setfield(L, -2, "retry_after");
  }
  if (push_metatable(L, "skep.failure")) {
    lua_pushcfunction(L, failure_text);
    lua_setfield(L, -2, "__tostring");
  }
  lua_setmetatable(L, -2);
}

}  // namespace

int ctx_exec(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  Process program;
  program.argv = command_words(L);
  program.env = {kPath, "LANG=C.UTF-8"};
  for (std::string& v : pairs_member(L, 1, "env", "=")) program.env.push_back(std::move(v));
  program.stdin_bytes = text_member(L, 1, "stdin");
  program.cwd = text_member(L, 1, "cwd");
  program.timeout = std::chrono::milliseconds(to_ms(number_member(L, 1, "timeout", 0)));
  Captured captured;
  skep_process_exit exit{};
  std::string problem;
  try {
    exit = program.run(call_of(L).handle(), [&](std::uint32_t channel, std::string_view bytes) {
      return captured.take(channel, bytes);
    });
  } catch (const Fault& fault) {
    problem = fault.what();
  }
  State::of(L).check(L);
  push_exit(L, exit, captured, problem);
  return 1;
}

int ctx_http_get(lua_State* L) {
  HttpRequest request = request_to();
  request.url = check_text(L, 1);
  read_options(L, 2, request);
  return send_it(L, std::move(request));
}

int ctx_http_post(lua_State* L) {
  HttpRequest request = request_to("POST");
  request.url = check_text(L, 1);
  read_options(L, 3, request);
  if (lua_istable(L, 2))
    set_body(request, encode(L, 2, "body"), kJsonType);
  else if (!lua_isnoneornil(L, 2))
    set_body(request, std::string(check_text(L, 2)), kTextType);
  return send_it(L, std::move(request));
}

int ctx_http_request(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  HttpRequest request = request_to();
  request.url = text_member(L, 1, "url");
  if (request.url.empty()) throw std::runtime_error("ctx.http.request: url is missing");
  if (const std::string method = text_member(L, 1, "method"); !method.empty())
    request.method = method;
  read_options(L, 1, request);
  if (request.body.empty())
    if (std::string body = text_member(L, 1, "body"); !body.empty())
      set_body(request, std::move(body), kTextType);
  return send_it(L, std::move(request));
}

int ctx_facts(lua_State* L) {
  const std::string section(lua_isnoneornil(L, 1) ? "" : check_text(L, 1));
  Json params = Json::object();
  if (!section.empty()) params.set("groups", Json::array().push(section));
  const std::string document = run_task(L, "collect_facts", params.dump());
  State::of(L).check(L);
  push_json(L, document);
  if (lua_getfield(L, -1, "facts") == LUA_TTABLE)
    lua_remove(L, -2);
  else
    lua_pop(L, 1);
  if (!section.empty()) lua_getfield(L, -1, section.c_str());
  return 1;
}

int ctx_task(lua_State* L) {
  const std::string type(check_text(L, 1));
  std::string params;
  if (!lua_isnoneornil(L, 2)) params = encode(L, 2, "params");
  std::string document;
  try {
    document = run_task(L, type, params);
  } catch (const Fault& fault) {
    State::of(L).check(L);
    lua_pushnil(L);
    push_failure(L, fault);
    return 2;
  }
  State::of(L).check(L);
  push_result(L, document);
  return 1;
}

int ctx_secret(lua_State* L) {
  const std::string value = secret(check_text(L, 1), call_of(L).handle());
  lua_pushlstring(L, value.data(), value.size());
  return 1;
}

int ctx_kv_get(lua_State* L) {
  const std::string_view key = check_text(L, 1);
  TextSink value(kMaxJson);
  HostError error;
  const skep_rc rc = need_service<skep_svc_kv_v1>(SKEP_SVC_KV)
                         .get(host(), call_of(L).handle(), view(key), value.sink(), error.out());
  if (rc == SKEP_E_NOT_FOUND) {
    lua_pushnil(L);
    return 1;
  }
  error.check(rc);
  push_result(L, value.take());
  return 1;
}

int ctx_kv_delete(lua_State* L) {
  const std::string_view key = check_text(L, 1);
  HostError error;
  error.check(need_service<skep_svc_kv_v1>(SKEP_SVC_KV)
                  .remove(host(), call_of(L).handle(), view(key), error.out()));
  return 0;
}

int ctx_kv_set(lua_State* L) {
  const std::string_view key = check_text(L, 1);
  luaL_checkany(L, 2);
  if (lua_isnil(L, 2)) return ctx_kv_delete(L);
  const std::string value = encode(L, 2, "value");
  HostError error;
  error.check(need_service<skep_svc_kv_v1>(SKEP_SVC_KV)
                  .put(host(), call_of(L).handle(), view(key), view(value), error.out()));
  return 0;
}

int ctx_kv_keys(lua_State* L) {
  std::vector<std::string> names;
  const skep_sink sink{&names, [](void* ctx, skep_view key) noexcept -> skep_rc {
                         try {
                           static_cast<std::vector<std::string>*>(ctx)->emplace_back(text(key));
                           return SKEP_OK;
                         } catch (...) {
                           return SKEP_E_NO_MEMORY;
                         }
                       }};
  HostError error;
  error.check(need_service<skep_svc_kv_v1>(SKEP_SVC_KV)
                  .keys(host(), call_of(L).handle(), &sink, error.out()));
  lua_createtable(L, static_cast<int>(names.size()), 0);
  for (std::size_t i = 0; i < names.size(); ++i) {
    lua_pushlstring(L, names[i].data(), names[i].size());
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  mark_array(L);
  return 1;
}

}  // namespace skep::lua
