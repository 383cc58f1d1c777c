// Members of ctx that go through services of the host.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "convert.hpp"
#include "ctx.hpp"
#include "lua_state.hpp"
#include "skep/svc/http.h"
#include "skep/svc/kv.h"
#include "skep/svc/process.h"
#include "skep/svc/task.h"

namespace skep::lua {
namespace {

constexpr std::size_t kMaxCaptured = std::size_t{1} << 20;
constexpr double kHttpSeconds = 30;
constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

template <class Table>
const Table& need(const char* id) {
  const auto* table = service<Table>(id);
  if (table == nullptr) throw std::runtime_error(std::string("this host has no service ") + id);
  return *table;
}

/// Collects what a sink gets; refuses what is beyond `cap`.
struct Collected {
  std::string text{};
  std::size_t cap = std::numeric_limits<std::size_t>::max();
  static skep_rc put(void* self, skep_view bytes) noexcept {
    auto& c = *static_cast<Collected*>(self);
    if (c.text.size() + bytes.n > c.cap) return SKEP_E_NO_MEMORY;
    try {
      c.text.append(static_cast<const char*>(bytes.p), static_cast<std::size_t>(bytes.n));
    } catch (...) {
      return SKEP_E_NO_MEMORY;
    }
    return SKEP_OK;
  }
  skep_sink sink() { return {this, put}; }
};

std::vector<skep_view> views(const std::vector<std::string>& strings) {
  std::vector<skep_view> out;
  for (const std::string& s : strings) out.push_back(view(s));
  return out;
}

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
  static skep_rc take(void* self, std::uint32_t channel, skep_view bytes) noexcept {
    auto& c = *static_cast<Captured*>(self);
    std::string& to = channel == SKEP_CH_STDERR ? c.err : c.out;
    const std::size_t room = kMaxCaptured - to.size();
    if (bytes.n > room) c.truncated = true;
    try {
      to.append(clip_text(text(bytes), room));
    } catch (...) {
      return SKEP_E_NO_MEMORY;
    }
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

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;
  std::string body;
  double timeout = kHttpSeconds;
};

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
  out.timeout = number_member(L, index, "timeout", kHttpSeconds);
  if (lua_getfield(L, index, "json") != LUA_TNIL) set_body(out, encode(L, -1, "json"), kJsonType);
  lua_pop(L, 1);
}

std::int64_t bounded_ms(Call& call, double seconds) {
  const std::int64_t deadline = call.deadline_ns();
  const std::int64_t asked = std::max<std::int64_t>(1, to_ms(seconds));
  if (deadline == std::numeric_limits<std::int64_t>::max()) return asked;
  return std::clamp<std::int64_t>((deadline - monotonic_ns()) / 1'000'000, 1, asked);
}

int send(lua_State* L, const HttpRequest& request) {
  const auto& http = need<skep_svc_http_v1>(SKEP_SVC_HTTP);
  const std::vector<skep_view> headers = views(request.headers);
  skep_http_request wire{sizeof(skep_http_request),
                         static_cast<std::uint32_t>(headers.size()),
                         view(request.method),
                         view(request.url),
                         headers.data(),
                         view(request.body),
                         bounded_ms(call_of(L), request.timeout)};
  Collected body{{}, State::of(L).limits().memory_bytes};
  const skep_sink sink = body.sink();
  std::int32_t status = 0;
  const std::int64_t begun = monotonic_ns();
  std::string why;
  try {
    HostError error;
    error.check(http.request(host(), call_of(L).handle(), &wire, &status, &sink, error.out()));
  } catch (const Fault& fault) {
    status = 0;
    body.text.clear();
    why = fault.what();
  }
  State::of(L).check(L);
  lua_createtable(L, 0, 4);
  set_integer(L, "status", status);
  set_text(L, "body", body.text);
  set_integer(L, "duration_ms", (monotonic_ns() - begun) / 1'000'000);
  if (status == 0) set_text(L, "error", why.empty() ? "no answer" : why);
  return 1;
}

/// Runs a task type of this worker; its result document.
std::string run_task(lua_State* L, std::string_view type, std::string_view params) {
  const auto& tasks = need<skep_svc_task_v1>(SKEP_SVC_TASK);
  Collected result{{}, kMaxJson};
  const skep_sink sink = result.sink();
  HostError error;
  error.check(tasks.run(host(), call_of(L).handle(), view(type), view(params), &sink, error.out()));
  return std::move(result.text);
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
  const std::vector<std::string> words = command_words(L);
  std::vector<std::string> variables{kPath, "LANG=C.UTF-8"};
  for (std::string& v : pairs_member(L, 1, "env", "=")) variables.push_back(std::move(v));
  const std::string input = text_member(L, 1, "stdin");
  const std::string cwd = text_member(L, 1, "cwd");
  const std::vector<skep_view> argv = views(words);
  const std::vector<skep_view> env = views(variables);
  skep_process_spec spec{};
  spec.size = sizeof(spec);
  spec.argc = static_cast<std::uint32_t>(argv.size());
  spec.argv = argv.data();
  spec.env = env.data();
  spec.envc = static_cast<std::uint32_t>(env.size());
  spec.cwd = view(cwd);
  spec.stdin_bytes = view(input);
  spec.timeout_ms = to_ms(number_member(L, 1, "timeout", 0));
  Captured captured;
  const skep_process_output output{&captured, Captured::take};
  skep_process_exit exit{};
  exit.size = sizeof(exit);
  std::string problem;
  try {
    HostError error;
    error.check(need<skep_svc_process_v1>(SKEP_SVC_PROCESS)
                    .run(host(), call_of(L).handle(), &spec, &output, &exit, error.out()));
  } catch (const Fault& fault) {
    problem = fault.what();
  }
  State::of(L).check(L);
  push_exit(L, exit, captured, problem);
  return 1;
}

int ctx_http_get(lua_State* L) {
  HttpRequest request;
  request.url = check_text(L, 1);
  read_options(L, 2, request);
  return send(L, request);
}

int ctx_http_post(lua_State* L) {
  HttpRequest request;
  request.method = "POST";
  request.url = check_text(L, 1);
  read_options(L, 3, request);
  if (lua_istable(L, 2))
    set_body(request, encode(L, 2, "body"), kJsonType);
  else if (!lua_isnoneornil(L, 2))
    set_body(request, std::string(check_text(L, 2)), kTextType);
  return send(L, request);
}

int ctx_http_request(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  HttpRequest request;
  request.url = text_member(L, 1, "url");
  if (request.url.empty()) throw std::runtime_error("ctx.http.request: url is missing");
  if (const std::string method = text_member(L, 1, "method"); !method.empty())
    request.method = method;
  read_options(L, 1, request);
  if (request.body.empty())
    if (std::string body = text_member(L, 1, "body"); !body.empty())
      set_body(request, std::move(body), kTextType);
  return send(L, request);
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

int ctx_kv_get(lua_State* L) {
  const std::string_view key = check_text(L, 1);
  Collected value{{}, kMaxJson};
  const skep_sink sink = value.sink();
  HostError error;
  const skep_rc rc = need<skep_svc_kv_v1>(SKEP_SVC_KV)
                         .get(host(), call_of(L).handle(), view(key), &sink, error.out());
  if (rc == SKEP_E_NOT_FOUND) {
    lua_pushnil(L);
    return 1;
  }
  error.check(rc);
  push_result(L, value.text);
  return 1;
}

int ctx_kv_delete(lua_State* L) {
  const std::string_view key = check_text(L, 1);
  HostError error;
  error.check(need<skep_svc_kv_v1>(SKEP_SVC_KV)
                  .remove(host(), call_of(L).handle(), view(key), error.out()));
  return 0;
}

int ctx_kv_set(lua_State* L) {
  const std::string_view key = check_text(L, 1);
  luaL_checkany(L, 2);
  if (lua_isnil(L, 2)) return ctx_kv_delete(L);
  const std::string value = encode(L, 2, "value");
  HostError error;
  error.check(need<skep_svc_kv_v1>(SKEP_SVC_KV)
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
  error.check(
      need<skep_svc_kv_v1>(SKEP_SVC_KV).keys(host(), call_of(L).handle(), &sink, error.out()));
  lua_createtable(L, static_cast<int>(names.size()), 0);
  for (std::size_t i = 0; i < names.size(); ++i) {
    lua_pushlstring(L, names[i].data(), names[i].size());
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  mark_array(L);
  return 1;
}

}  // namespace skep::lua
