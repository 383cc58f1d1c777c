#include "lua_state.hpp"

#include <time.h>

#include <cstdlib>

namespace skep::lua {
namespace {

constexpr int kStep = 1000;  ///< instructions between two looks: about 10 us
/// A script that goes on after so many failed allocations is stopped: each one costs a collection.
constexpr int kMaxRefusals = 20;
constexpr std::size_t kTraffic = std::size_t{4} << 20;
constexpr const char* kDeliberate = "skep.deliberate";

/// Makes the error on top of the stack a text and puts the traceback behind it.
int describe(lua_State* L) {
  lua_getfield(L, LUA_REGISTRYINDEX, kDeliberate);
  const bool deliberate = lua_isnil(L, -1) == 0 && lua_rawequal(L, 1, -1) != 0;
  lua_settop(L, 1);
  if (lua_type(L, 1) != LUA_TSTRING &&
      (luaL_callmeta(L, 1, "__tostring") == 0 || lua_type(L, -1) != LUA_TSTRING))
    lua_pushfstring(L, "the script raised a %s as its error", luaL_typename(L, 1));
  const int message = lua_gettop(L);
  luaL_traceback(L, L, nullptr, 1);
  lua_createtable(L, 3, 0);
  lua_pushboolean(L, deliberate ? 1 : 0);
  lua_rawseti(L, -2, 3);
  lua_pushvalue(L, message);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, message + 1);
  lua_rawseti(L, -2, 2);
  return 1;
}

}  // namespace

std::int64_t monotonic_ns() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

std::string_view to_text(lua_State* L, int index) {
  std::size_t n = 0;
  const char* p = lua_tolstring(L, index, &n);
  return p == nullptr ? std::string_view() : std::string_view(p, n);
}

std::string_view check_text(lua_State* L, int arg) {
  std::size_t n = 0;
  const char* p = luaL_checklstring(L, arg, &n);
  return {p, n};
}

State::State(const Limits& limits, Call* call, std::int64_t deadline_ns)
    : limits_(limits), call_(call), deadline_ns_(deadline_ns) {
  state_ = lua_newstate(allocate, this);
  if (state_ == nullptr) throw std::bad_alloc();
  *static_cast<State**>(lua_getextraspace(state_)) = this;
  lua_sethook(state_, count, LUA_MASKCOUNT, kStep);
}

State::~State() { lua_close(state_); }

void* State::allocate(void* self, void* block, std::size_t old_size, std::size_t size) {
  State& s = *static_cast<State*>(self);
  const std::size_t before = block == nullptr ? 0 : old_size;
  if (size == 0) {
    s.used_ -= before;
    std::free(block);
    return nullptr;
  }
  if (size > before) {
    s.traffic_ += size;
    if (s.traffic_ > kTraffic) s.look();
    if (s.stop_ != Stop::kNone) return nullptr;
    if (size - before > s.limits_.memory_bytes - s.used_) return s.refuse();
  }
  void* made = std::realloc(block, size);
  if (made == nullptr) {
    s.starve();
    return s.refuse();
  }
  s.used_ = s.used_ - before + size;
  return made;
}

void* State::refuse() {
  if (++refusals_ > kMaxRefusals) stop(Stop::kMemory);
  return nullptr;
}

/// The main thread of the script comes to raise() with its next instruction.
void State::stop(Stop why) {
  if (stop_ == Stop::kNone) lua_sethook(state_, count, LUA_MASKCOUNT, 1);
  stop_ = why;
}

void State::look() {
  traffic_ = 0;
  unlooked_ = 0;
  if (stop_ != Stop::kNone) return;
  const int reason = call_ == nullptr ? 0 : call_->cancel_reason();
  if (reason != 0) return stop(reason == SKEP_CANCEL_DEADLINE ? Stop::kDeadline : Stop::kCancelled);
  if (monotonic_ns() >= deadline_ns_) return stop(Stop::kDeadline);
  if (instructions_ > limits_.instructions) stop(Stop::kInstructions);
}

void State::count(lua_State* L, lua_Debug*) {
  State& s = of(L);
  s.instructions_ += kStep;
  s.check(L);
}

void State::check(lua_State* L) {
  look();
  if (stop_ != Stop::kNone) raise(L);
}

void State::charge(lua_State* L, std::uint64_t instructions) {
  instructions_ += instructions;
  unlooked_ += instructions;
  if (unlooked_ >= kStep) check(L);
}

void State::charge_output(lua_State* L, std::size_t bytes) {
  output_ += bytes;
  if (output_ <= limits_.output_bytes) return;
  stop(Stop::kOutput);
  raise(L);
}

void State::expect_memory(lua_State* L, std::uint64_t pieces, std::size_t bytes) {
  if (bytes == 0 || pieces <= limits_.memory_bytes / bytes) return;
  refuse();
  lua_pushlstring(L, kNoMemory.data(), kNoMemory.size());
  lua_error(L);
}

void State::raise(lua_State* L) {
  // From now on each instruction of this thread comes here: no pcall keeps a script alive.
  lua_sethook(L, count, LUA_MASKCOUNT, 1);
  if (where_.empty()) {
    lua_Debug at{};
    for (int level = 0; where_.empty() && lua_getstack(L, level, &at) != 0; ++level)
      if (lua_getinfo(L, "Sl", &at) != 0 && at.currentline > 0)
        where_ = std::string(at.short_src) + ":" + std::to_string(at.currentline);
  }
  // Every allocation fails now, and an error of memory is the one for which Lua calls no message
  // handler: one would run without hooks here.
  lua_newuserdatauv(L, 1, 0);
  std::abort();  // not reached
}

void State::mark_deliberate(lua_State* L, Failure failure) {
  failure_ = std::move(failure);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, kDeliberate);
}

std::string State::memory_text() const {
  const std::string limit = std::to_string(limits_.memory_bytes >> 20) + " MiB of memory";
  if (!starved_) return "the script needs more than " + limit + ", its limit memory_mb";
  return "the script's process ran out of memory before the script had used its " + limit +
         ": raise memory_mb in [plugins.lua.limits], or lower it in [plugins.lua]";
}

std::string State::stop_text() const {
  std::string out;
  switch (stop_) {
    case Stop::kNone:
      return out;
    case Stop::kCancelled:
      out = "cancelled";
      break;
    case Stop::kDeadline:
      out = "the script ran into its time limit";
      break;
    case Stop::kInstructions:
      out = "the script ran more than " + std::to_string(limits_.instructions) + " instructions";
      break;
    case Stop::kOutput:
      out = "the script wrote more than " + std::to_string(limits_.output_bytes) + " bytes";
      break;
    case Stop::kMemory:
      out = memory_text();
      break;
  }
  return where_.empty() ? out : where_ + ": " + out;
}

State::Ended State::protect(lua_CFunction body, void* argument) {
  lua_pushcfunction(state_, describe);
  lua_pushcfunction(state_, body);
  lua_pushlightuserdata(state_, argument);
  Ended out;
  out.status = lua_pcall(state_, 1, 0, 1);
  if (out.status == LUA_OK) {
    lua_settop(state_, 0);
    return out;
  }
  if (lua_istable(state_, -1)) {
    lua_rawgeti(state_, -1, 1);
    out.message = to_text(state_, -1);
    lua_rawgeti(state_, -2, 2);
    out.traceback = to_text(state_, -1);
    lua_rawgeti(state_, -3, 3);
    out.deliberate = lua_toboolean(state_, -1) != 0;
  } else {
    out.message = to_text(state_, -1);
  }
  const bool lacked = out.message.empty() || out.message.ends_with(kNoMemory);
  if (lacked && (starved_ || refusals_ > 0)) out.status = LUA_ERRMEM;
  if (out.status == LUA_ERRMEM) out.message = memory_text();
  lua_settop(state_, 0);
  return out;
}

}  // namespace skep::lua
