// What a Lua task costs, beside Lua alone and beside a C++ task in a child, and how long an edit of
// a script takes to serve. What is compared is measured in turns, so that a busy machine harms all.
#include <filesystem>
#include <fstream>
#include <lua.hpp>
#include <memory>

#include "core/plugin/scripts/registry.hpp"
#include "tests/bench/mirror_plugin.hpp"
#include "tests/support/script_rig.hpp"

namespace {

using namespace skep;
using namespace skep::bench;

constexpr std::size_t kBytes = 1024;

std::string script_answering(const std::string& expression) {
  return "return skep.task { name = \"t\", version = \"1.0.0\",\n"
         "  params = { type = \"object\", additionalProperties = true, properties = {} },\n"
         "  run = function(ctx, params) return " +
         expression + " end }\n";
}

/// What no host of Lua can be faster than: a new state with its libraries, the text, one call.
void bare_lua(const std::string& source, const std::string& argument) {
  const std::unique_ptr<lua_State, decltype(&lua_close)> owner(luaL_newstate(), lua_close);
  lua_State* L = owner.get();
  luaL_openlibs(L);
  if (luaL_loadbuffer(L, source.data(), source.size(), "=bench") != LUA_OK) die("bare Lua: load");
  lua_pushlstring(L, argument.data(), argument.size());
  if (lua_pcall(L, 1, 1, 0) != LUA_OK || lua_tostring(L, -1) == nullptr) die("bare Lua: call");
}

std::unique_ptr<plugin::TaskTarget> loaded(plugin::ScriptEngine& engine,
                                           const std::string& source) {
  checked(engine.load("t#1", "t.lua", source));
  return engine.target("t#1", "t.lua", source);
}

void calls(test::ScriptRig& here, test::ScriptRig& children) {
  const test::TempDir dir;
  const auto area = checked(plugin::StagingArea::open(dir.file("staging")));
  const auto group = checked(plugin::ChildGroup::start(mirror_plugin(area, dir)));
  const auto mirror = group->task_target();
  const std::string source = script_answering("params");
  const auto in_process = loaded(here.engine(), source);
  const auto in_child = loaded(children.engine(), source);
  const std::string request = request_of(kBytes);
  std::vector<double> bare, inproc, cpp_child, lua_child;
  constexpr int kTurns = 200, kInTurn = 20;
  const auto turn = [](std::vector<double>& samples, auto&& work) {
    for (int i = 0; i < kInTurn; ++i) samples.push_back(micros(work));
  };
  for (int i = 0; i < kTurns; ++i) {
    turn(bare, [&] { bare_lua("return ...", request); });
    turn(inproc, [&] { run_task(*in_process, request); });
    turn(cpp_child, [&] { run_task(*mirror, request); });
    turn(lua_child, [&] { run_task(*in_child, request); });
  }
  report("bare_lua_state_1k", std::move(bare));
  report("lua_call_inproc_1k", std::move(inproc));
  report("cpp_call_child_1k", std::move(cpp_child));
  report("lua_call_child_1k", std::move(lua_child));
}

/// Edits one file again and again under a catalog that follows its folder; the time runs from
/// before the write to the first answer of the new text. Beside it: loading the text and running
/// it.
void edits(test::ScriptRig& rig) {
  const test::TempDir dir;
  const std::string path = dir.file("t.lua");
  const auto write = [&](int answer) {
    std::ofstream(path + ".new") << script_answering(std::to_string(answer));
    std::filesystem::rename(path + ".new", path);
  };
  const auto answer = [&] {
    static ports::CancelToken cancel;
    ports::RunRequest request;
    request.task.type = "t";
    request.task.params = "{}";
    return rig.table()->run(request, 0, cancel, {}).result;
  };
  write(0);
  plugin::ScriptOptions options;
  options.paths = {dir.path()};
  plugin::ScriptRegistry catalog(options, rig.shared_engine(), rig.table());
  catalog.start();
  std::vector<double> bare, edited;
  constexpr int kEdits = 50;
  for (int n = 1; n <= kEdits; ++n) {
    const std::string source = script_answering(std::to_string(n));
    const std::string id = "bare#" + std::to_string(n);
    bare.push_back(micros([&] {
      checked(rig.engine().load(id, "t.lua", source));
      run_task(*rig.engine().target(id, "t.lua", source), R"({"params":{}})");
    }));
    rig.engine().drop(id);
    const auto give_up = Steady::now() + std::chrono::seconds(10);
    edited.push_back(micros([&] {
      write(n);
      while (answer() != std::to_string(n))
        if (Steady::now() > give_up) die("an edit is not noticed");
    }));
  }
  catalog.stop();
  report("script_load_and_run", std::move(bare));
  report("script_edit_to_answer", std::move(edited));
}

}  // namespace

int main() {
  test::ScriptRig here("{}", "inproc");
  test::ScriptRig children("{}", "process");
  calls(here, children);
  edits(children);
}
