// The table `ctx` that run() gets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lua.hpp"
#include "skep/abi/base.h"
#include "skep/json.hpp"
#include "skep/plugin.hpp"

namespace skep::lua {

/// Pushes ctx for one run; members that need a permission outside `allowed` raise when called.
/// REQUIRES: the state has a call.
void push_ctx(lua_State* L, const Json& request, const std::vector<std::string>& allowed);
/// Adds the global print.
void install_print(lua_State* L);

/// REQUIRES: the state has a call.
Call& call_of(lua_State* L);

// One group of members each. [call]
int ctx_exec(lua_State* L);
int ctx_http_get(lua_State* L);
int ctx_http_post(lua_State* L);
int ctx_http_request(lua_State* L);
int ctx_facts(lua_State* L);
int ctx_task(lua_State* L);
int ctx_secret(lua_State* L);
int ctx_kv_get(lua_State* L);
int ctx_kv_set(lua_State* L);
int ctx_kv_delete(lua_State* L);
int ctx_kv_keys(lua_State* L);

/// What one call may take from the script as separate texts: the same long one may be named often.
class Copies {
 public:
  /// `what` is named when it is too much.
  explicit Copies(const char* what) : what_(what) {}
  /// Before a text of `bytes` is copied; throws beyond 2 MiB.
  void add(std::size_t bytes);

 private:
  const char* what_;
  std::size_t total_ = 0;
};

/// A number member of the table at `index`, or `fallback`; throws when it is something else.
double number_member(lua_State* L, int index, const char* key, double fallback);
std::string text_member(lua_State* L, int index, const char* key);
/// The pairs of a table member as "KEY<separator>VALUE".
std::vector<std::string> pairs_member(lua_State* L, int index, const char* key,
                                      const char* separator);
/// The name of an error code: "not-found". Unknown ones are "internal".
const char* code_name(skep_rc code);
/// The code of a name, 0 when there is none; '_' counts as '-'.
skep_rc code_of(std::string name);
std::vector<std::string_view> code_names();

}  // namespace skep::lua
