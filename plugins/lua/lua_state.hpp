// One Lua state with its limits: memory, instructions, output, time, cancellation.
//
// Nothing that a script does outlives its state, and nothing in it can catch a stop for good: once
// a limit is hit, every further instruction and every further allocation fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>

#include "lua.hpp"
#include "skep/task.hpp"

namespace skep::lua {

struct Limits {
  std::size_t memory_bytes = std::size_t{64} << 20;
  std::uint64_t instructions = 10'000'000'000;
  std::size_t output_bytes = std::size_t{1} << 20;  ///< print and log lines together
};

enum class Stop { kNone, kCancelled, kDeadline, kInstructions, kOutput, kMemory };

/// Owns the state. Used by one thread.
class State {
 public:
  /// `call` is null while a script is loaded; then `deadline_ns` (CLOCK_MONOTONIC) bounds it.
  State(const Limits& limits, Call* call, std::int64_t deadline_ns);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// The object that owns `L` or the coroutine `L`.
  static State& of(lua_State* L) { return **static_cast<State**>(lua_getextraspace(L)); }

  /// What a protected call came to.
  struct Ended {
    int status = LUA_OK;      ///< LUA_ERRMEM whenever memory was what lacked
    std::string message;      ///< of the error, made presentable
    std::string traceback;    ///< "" without an error
    bool deliberate = false;  ///< the error is the one of the last mark_deliberate()
  };
  /// Runs `body`, which is the only way into the state. `body` may throw what std throws.
  Ended protect(lua_CFunction body, void* argument);

  /// Work done outside Lua instructions, in about the cost of as many of them. Raises when a limit
  /// is hit.
  void charge(lua_State* L, std::uint64_t instructions);
  /// Looks at the clock and the call now. Raises when there is a reason to stop.
  void check(lua_State* L);
  /// Counts output; raises beyond the limit.
  void charge_output(lua_State* L, std::size_t bytes);
  /// Raises Lua's memory error when `pieces` of `bytes` each are more than a script may have.
  void expect_memory(lua_State* L, std::uint64_t pieces, std::size_t bytes);
  /// Remembers that the process, not the script's own limit, had no memory.
  void starve() { starved_ = true; }

  /// What ctx.fail said last; counts when Ended::deliberate is set.
  struct Failure {
    skep_rc code = SKEP_E_FAILED;
    std::uint32_t retry_ms = 0;
    std::string message;
  };
  /// Remembers the error value on top of the stack as one that the script means.
  void mark_deliberate(lua_State* L, Failure failure);
  const Failure& failure() const { return failure_; }

  int coroutine_depth = 0;  ///< coroutines inside each other now

  Call* call() const { return call_; }
  Stop stopped() const { return stop_; }
  /// "time limit", with the place in the script when it is known.
  std::string stop_text() const;
  const Limits& limits() const { return limits_; }

 private:
  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t size);
  static void count(lua_State* L, lua_Debug* at);
  void look();
  void stop(Stop why);
  void* refuse();
  [[noreturn]] void raise(lua_State* L);
  std::string memory_text() const;

  const Limits limits_;
  Call* call_;
  std::int64_t deadline_ns_;
  std::size_t used_ = 0;
  std::size_t traffic_ = 0;  ///< bytes allocated since the last look
  std::uint64_t instructions_ = 0;
  std::uint64_t unlooked_ = 0;  ///< instructions since the last look
  std::size_t output_ = 0;
  Stop stop_ = Stop::kNone;
  int refusals_ = 0;  ///< allocations that failed
  bool starved_ = false;
  std::string where_;
  Failure failure_;
  lua_State* state_ = nullptr;
};

/// How Lua itself says it, also where it raises a plain text (luaL_Buffer).
inline constexpr std::string_view kNoMemory = "not enough memory";

/// A C function of Lua out of one that may throw: the exception becomes a Lua error with the place
/// in the script.
template <int (*F)(lua_State*)>
int bound(lua_State* L) {
  std::string message;
  try {
    return F(L);
  } catch (const std::bad_alloc&) {
    State::of(L).starve();
    message = kNoMemory;
  } catch (const std::exception& e) {  // never Lua's own, which is no std::exception
    message = e.what();
  }
  return luaL_error(L, "%s", message.c_str());
}

std::int64_t monotonic_ns();
/// The argument as text; raises as luaL_checklstring does.
std::string_view check_text(lua_State* L, int arg);
std::string_view to_text(lua_State* L, int index);

}  // namespace skep::lua
