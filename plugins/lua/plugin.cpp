// The script host "lua": keeps the texts of scripts, runs each task in a state of its own.
#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>

#include "convert.hpp"
#include "ctx.hpp"
#include "lint.hpp"
#include "lua_state.hpp"
#include "sandbox.hpp"
#include "skep/script_host.hpp"
#include "spec.hpp"

namespace {

using namespace skep::lua;

/// What the top level of a file may use while it is loaded.
constexpr std::int64_t kLoadNs = 2'000'000'000;
constexpr std::uint64_t kLoadInstructions = 20'000'000;
constexpr std::size_t kMaxSource = std::size_t{1} << 20;

struct Script {
  std::string file;
  std::string source;
};

/// As Lua itself reads files: without a byte order mark, and a first line that begins with # is not
/// Lua. The lines keep their numbers.
std::string_view chunk_of(std::string_view source) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (source.starts_with(kMark)) source.remove_prefix(kMark.size());
  if (source.starts_with('#')) source.remove_prefix(std::min(source.find('\n'), source.size()));
  return source;
}

/// Leaves the compiled chunk on the stack.
void compile(lua_State* L, const Script& script) {
  const std::string name = "@" + script.file;
  const std::string_view chunk = chunk_of(script.source);
  if (luaL_loadbufferx(L, chunk.data(), chunk.size(), name.c_str(), "t") != LUA_OK) lua_error(L);
}

void open_all(lua_State* L) {
  open_sandbox(L);
  install_print(L);
  install_task(L);
}

struct Load {
  const Script& script;
  std::string manifest{};
};

int load_body(lua_State* L) {
  auto& load = *static_cast<Load*>(lua_touserdata(L, 1));
  open_all(L);
  compile(L, load.script);
  const int chunk = lua_gettop(L);
  lua_pushvalue(L, chunk);
  lua_call(L, 0, 1);
  push_run(L, lua_gettop(L));
  lua_pop(L, 1);
  const int declaration = lua_gettop(L);
  const auto permissions = declared_permissions(L, declaration);
  lua_pushvalue(L, chunk);
  const auto warnings = lint(L, load.script.file, permissions);
  load.manifest = manifest(L, declaration, warnings);
  return 0;
}

struct Run {
  const Script& script;
  skep::Call& call;
  std::string error{};        ///< nil and a message came back
  std::string not_granted{};  ///< a permission
};

std::vector<std::string> granted(const skep::Json& request) {
  std::vector<std::string> out;
  for (const skep::Json& p : request["permissions"].items()) out.emplace_back(p.str());
  return out;
}

int run_body(lua_State* L) {
  auto& run = *static_cast<Run*>(lua_touserdata(L, 1));
  open_all(L);
  compile(L, run.script);
  lua_call(L, 0, 1);
  const int declaration = lua_gettop(L);
  const auto may = granted(run.call.request());
  const auto wants = declared_permissions(L, declaration);
  for (const std::string& p : wants)
    if (std::find(may.begin(), may.end(), p) == may.end()) {
      run.not_granted = p;
      return 0;
    }
  push_run(L, declaration);
  push_ctx(L, run.call.request(), wants);
  push(L, run.call.params());
  lua_call(L, 2, 2);
  if (lua_isnil(L, -2) && !lua_isnil(L, -1)) {
    run.error = luaL_tolstring(L, -1, nullptr);
    return 0;
  }
  run.call.emit(SKEP_CH_RESULT, encode(L, -2, "result"));
  return 0;
}

skep_rc ended(const State& state, const State::Ended& end, const Run& run) {
  skep::Call& call = run.call;
  switch (state.stopped()) {
    case Stop::kNone:
      break;
    case Stop::kCancelled:
      return call.fail(SKEP_E_CANCELLED, "");
    case Stop::kDeadline:
      return call.fail(SKEP_E_CANCELLED, state.stop_text());
    case Stop::kInstructions:
    case Stop::kOutput:
    case Stop::kMemory:
      return call.fail(SKEP_E_NO_MEMORY, state.stop_text());
  }
  if (end.deliberate) {
    const auto& failure = state.failure();
    return call.fail(failure.code, failure.message, failure.retry_ms);
  }
  if (end.status != LUA_OK) {
    if (!end.traceback.empty()) call.err(end.message + "\n" + end.traceback + "\n");
    return call.fail(end.status == LUA_ERRMEM ? SKEP_E_NO_MEMORY : SKEP_E_INTERNAL, end.message);
  }
  if (!run.not_granted.empty())
    return call.fail(SKEP_E_DENIED, run.script.file + " needs the permission \"" + run.not_granted +
                                        "\", which this node does not grant; see [scripts] allow");
  return run.error.empty() ? SKEP_OK : call.fail(SKEP_E_FAILED, run.error);
}

class Lua final : public skep::ScriptHost {
 public:
  explicit Lua(std::string_view config) {
    const skep::Json c = skep::Json::parse(config);
    limits_.memory_bytes = static_cast<std::size_t>(c["memory_mb"].integer(64)) << 20;
    limits_.instructions =
        static_cast<std::uint64_t>(c["max_instructions"].integer(10'000'000'000));
    limits_.output_bytes = static_cast<std::size_t>(c["output_kb"].integer(1024)) << 10;
  }

  const char* endings() const override { return ".lua"; }

  std::string load(skep::Call& call, std::string_view id, std::string_view file,
                   std::string_view source) override {
    const Script script{std::string(file), std::string(source)};
    if (source.size() > kMaxSource)
      throw skep::Fault(SKEP_E_INVALID, script.file + ":1: a script has at most 1 MiB");
    Limits limits = limits_;
    limits.instructions = std::min(limits.instructions, kLoadInstructions);
    State state(limits, nullptr, std::min(call.deadline_ns(), monotonic_ns() + kLoadNs));
    Load load{script};
    const auto end = state.protect(bound<load_body>, &load);
    if (end.status != LUA_OK)
      throw skep::Fault(state.stopped() == Stop::kDeadline ? SKEP_E_DEADLINE : SKEP_E_INVALID,
                        load_error(state, end, script));
    const std::unique_lock lock(mutex_);
    scripts_[std::string(id)] = std::make_shared<const Script>(script);
    return std::move(load.manifest);
  }

  void drop(skep::Call& /*call*/, std::string_view id) override {
    const std::unique_lock lock(mutex_);
    if (const auto at = scripts_.find(id); at != scripts_.end()) scripts_.erase(at);
  }

  skep_rc run(skep::Call& call, std::string_view id) override {
    const auto script = find(id);
    State state(limits_, &call, std::numeric_limits<std::int64_t>::max());
    Run run{*script, call};
    const auto end = state.protect(bound<run_body>, &run);
    return ended(state, end, run);
  }

 private:
  static std::string load_error(const State& state, const State::Ended& end, const Script& script) {
    std::string text = state.stopped() == Stop::kNone ? end.message : state.stop_text();
    if (!text.starts_with(script.file + ":")) text = script.file + ":1: " + text;
    return text;
  }

  std::shared_ptr<const Script> find(std::string_view id) {
    const std::shared_lock lock(mutex_);
    const auto at = scripts_.find(id);
    if (at == scripts_.end())
      throw skep::Fault(SKEP_E_NOT_FOUND, "no script is loaded as " + std::string(id));
    return at->second;
  }

  Limits limits_;
  std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<const Script>, std::less<>> scripts_;
};

}  // namespace

SKEP_PLUGIN(skep::component<Lua>("lua"))
