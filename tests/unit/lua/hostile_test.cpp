// Scripts that mean harm, in this process: each is stopped within its limits, and what the language
// itself cannot stop is listed in docs/write-lua.md and tested in children.
#include <gtest/gtest.h>

#include <ctime>
#include <thread>

#include "core/base/json.hpp"
#include "tests/support/script_rig.hpp"

namespace skep::test {
namespace {

struct Attack {
  const char* name;
  const char* body;
  const char* code;     ///< of the error
  const char* message;  ///< part of it
};

class Hostile : public ::testing::TestWithParam<Attack> {};

TEST_P(Hostile, is_stopped_within_its_limits) {
  // Only the limit that stops the script is near, whatever the speed of the machine: either the
  // time or the rest, among which no number of instructions that a test could use up.
  ScriptRig rig(R"({"memory_mb": 16, "max_instructions": 1000000000000})");
  const bool by_time = std::string_view(GetParam().code) == "deadline";
  const Millis limit(by_time ? 700 : 600'000);
  const std::clock_t begun = std::clock();
  const auto ran = rig.run(script_with(GetParam().body, R"("task")"), "{}", {"task"}, limit);
  const std::clock_t took = std::clock() - begun;
  EXPECT_EQ(ran.outcome.kind, model::OutcomeKind::kFailed);
  const auto error = parse_json(ran.outcome.error);
  ASSERT_TRUE(error) << ran.outcome.error;
  EXPECT_EQ(get_string(error->get_object(), "code"), GetParam().code) << ran.outcome.error;
  EXPECT_NE(get_string(error->get_object(), "message").find(GetParam().message), std::string::npos)
      << ran.outcome.error;
  if (by_time) {
    EXPECT_LT(took, 10 * CLOCKS_PER_SEC) << "of the processor: it does not look at the time";
  }
  const auto after = rig.run(script_with("return 1"));
  EXPECT_EQ(after.outcome.result, "1") << "the host goes on";
}

constexpr const char* kTime = "time limit";
constexpr const char* kMemory = "16 MiB of memory";

INSTANTIATE_TEST_SUITE_P(
    Attacks, Hostile,
    ::testing::Values(
        Attack{"endless_loop", "while true do end", "deadline", "t.lua:4: the script ran into its"},
        Attack{"endless_pcall", "while true do pcall(function() while true do end end) end",
               "deadline", kTime},
        Attack{"nested_pcall",
               "local function f() while true do pcall(f) end end while true do pcall(f) end",
               "deadline", kTime},
        Attack{"xpcall_handler",
               "while true do xpcall(error, function() while true do end end) end", "deadline",
               kTime},
        Attack{
            "coroutines",
            "while true do local co = coroutine.wrap(function() while true do end end) pcall(co) "
            "end",
            "deadline", kTime},
        Attack{"coroutine_chain",
               "local function f() local co = coroutine.create(f) while true do "
               "coroutine.resume(co) end end f()",
               "deadline", kTime},
        Attack{"close_handler",
               "local x <close> = setmetatable({}, { __close = function() while true do end end }) "
               "while true do end",
               "deadline", kTime},
        Attack{
            "close_handler_in_a_coroutine",
            "coroutine.wrap(function() local x <close> = setmetatable({}, { __close = function() "
            "while true do end end }) while true do end end)()",
            "deadline", kTime},
        Attack{"message_handler",
               "local own = 'the script was stopped' local function deep(n) if n > 0 then deep(n - "
               "1) end return 1 end deep(50) local function endless() while true do end end "
               "xpcall(endless, endless)",
               "deadline", kTime},
        Attack{
            "plain_find",
            "local s, p = ('a'):rep(1e6), ('a'):rep(5e5) .. 'b' while true do s:find(p, 1, true) "
            "end",
            "deadline", kTime},
        Attack{"long_set",
               "local set = '[' .. ('b'):rep(3e6) .. ']' return (('a'):rep(1e6):find(set))",
               "deadline", kTime},
        Attack{"sort_of_long_texts",
               "local s, t = ('a'):rep(4e6), {} for i = 1, 1e5 do t[i] = s end table.sort(t)",
               "deadline", kTime},
        Attack{"pattern_bomb", "return (string.find(('a'):rep(1e5), '.-.-.-.-b$'))", "deadline",
               kTime},
        Attack{"pattern_backtracking", "return (string.find(('a'):rep(30), ('a*'):rep(30) .. 'b'))",
               "deadline", kTime},
        Attack{"gsub_bomb", "return (('a'):rep(1e5):gsub('.-.-.-.-b$', ''))", "deadline", kTime},
        Attack{"empty_rep", "local s while true do s = (''):rep(1e18) end", "deadline", kTime},
        Attack{"sleep", "ctx.sleep(1e300)", "deadline", kTime},
        Attack{"table_move", "table.move({}, 1, 1 << 60, 1, {})", "internal", "elements at once"},
        Attack{"table_move_with_floats", "table.move({}, 1, 1e15, 1)", "internal",
               "elements at once"},
        Attack{"table_move_with_texts", "table.move({}, '1', '1e15', 1)", "internal",
               "elements at once"},
        Attack{"concat_from_far_below",
               "table.concat(setmetatable({}, { __index = function() return '' end }), '', -1e15)",
               "internal", "elements at once"},
        Attack{"lying_length",
               "table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, 1)",
               "internal", "__len"},
        Attack{"concat_span",
               "table.concat(setmetatable({}, { __index = function() return '' end "
               "}), '', 1, 1 << 60)",
               "internal", "elements at once"},
        Attack{"ten_gigabytes", "return ('x'):rep(10 * 1024 * 1024 * 1024)", "no-space", kMemory},
        Attack{"ten_gigabytes_caught",
               "local ok, e = pcall(string.rep, 'x', 1 << 62, ',') error(e)", "no-space", kMemory},
        Attack{"another_error_after_one_of_memory",
               "pcall(string.rep, 'x', 1 << 40) error('something else')", "internal",
               "something else"},
        Attack{"doubling", "local s = 'x' while true do s = s .. s end", "no-space", kMemory},
        Attack{"big_table", "local t = {} for i = 1, 1e12 do t[i] = i end", "no-space", kMemory},
        Attack{
            "pcall_memory",
            "local t = {} while true do pcall(function() for i = 1, 1e9 do t[#t + 1] = {} end end) "
            "end",
            "no-space", kMemory},
        Attack{"buffers", "local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(1e6) .. i end",
               "no-space", kMemory},
        Attack{"recursion", "local function f() return 1 + f() end return f()", "no-space",
               kMemory},
        Attack{"c_recursion", "local s = string.rep('(', 1e6) return load('return ' .. s)()",
               "internal", ""},
        Attack{"pattern_recursion", "return (('x'):rep(1e5):find(('x?'):rep(1e5)))", "internal",
               "too complex"},
        Attack{"billion_laughs",
               "local t = {} t[1] = ('x'):rep(1000) for i = 1, 60 do t = { t, t } end return "
               "json.encode(t)",
               "internal", "4 MiB"},
        Attack{"large_text", "return ('x'):rep(5 << 20)", "internal", "result: more than 4 MiB"},
        Attack{"self_reference", "local t = {} t.t = t return t", "internal", "nested too deep"},
        Attack{"bytecode", "return load('\\27Lua')()", "internal", "attempt to call a nil value"},
        Attack{"dump", "return string.dump(print)", "internal", "field 'dump'"},
        Attack{"finalizer", "setmetatable({}, { __gc = function() while true do end end })",
               "internal", "__gc is not available"},
        Attack{"finalizer_of_lists",
               "getmetatable(skep.array()).__gc = function() while true do end end "
               "while true do skep.array() end",
               "internal", "attempt to index a string"},
        Attack{"finalizer_of_failures",
               "local _, why = ctx.task('none') getmetatable(why).__gc = function() end",
               "internal", "attempt to index a string"},
        Attack{"list_with_a_protected_metatable", "skep.array(ctx)", "internal",
               "protected metatable"},
        Attack{"os_execute", "os.execute('true')", "internal", "field 'execute'"},
        Attack{"io", "io.open('/etc/passwd')", "internal", "global 'io'"},
        Attack{"require", "require('os')", "internal", "global 'require'"},
        Attack{"debug", "debug.sethook()", "internal", "global 'debug'"},
        Attack{"string_metatable", "getmetatable('').__index = nil", "internal",
               "attempt to index a string"},
        Attack{"odd_error", "error({})", "internal", "a table as its error"},
        Attack{"lying_tostring",
               "error(setmetatable({}, { __tostring = function() while true do end end }))",
               "deadline", kTime},
        Attack{"nil_error", "error()", "internal", "a nil as its error"},
        Attack{"result_with_function", "return { a = { print } }", "internal",
               "result.a[1]: a function has no JSON"},
        Attack{"endless_print", "while true do print(('x'):rep(1000)) end", "no-space",
               "wrote more than 1048576 bytes"},
        Attack{"endless_log", "while true do pcall(ctx.log, ('x'):rep(1000)) end", "no-space",
               "wrote more than 1048576 bytes"}),
    [](const auto& at) { return at.param.name; });

TEST(HostileScripts, are_stopped_by_an_instruction_limit) {
  ScriptRig rig(R"({"max_instructions": 1000000})");
  const auto ran = rig.run(script_with("while true do end"));
  EXPECT_NE(ran.outcome.error.find("more than 1000000 instructions"), std::string::npos)
      << ran.outcome.error;
}

TEST(HostileScripts, are_stopped_in_children_as_well) {
  ScriptRig rig(R"({"memory_mb": 16})", "process");
  const std::pair<const char*, const char*> attacks[] = {
      {"while true do pcall(function() while true do end end) end", "deadline"},
      {"local s = 'x' while true do s = s .. s end", "no-space"},
      {"return (string.find(('a'):rep(1e5), '.-.-.-.-b$'))", "deadline"},
      {"return load('\\27Lua')()", "internal"}};
  for (const auto& [body, code] : attacks) {
    const bool by_time = std::string_view(code) == "deadline";
    const auto ran = rig.run(script_with(body), "{}", {}, Millis{by_time ? 700 : 600'000});
    EXPECT_NE(ran.outcome.error.find(code), std::string::npos) << body << ran.outcome.error;
    EXPECT_EQ(rig.run(script_with("return 1")).outcome.result, "1");
  }
}

TEST(HostileScripts, name_the_limit_of_the_child_when_it_is_the_lower_one) {
#ifdef SKEP_SANITIZED_ADDRESS
  GTEST_SKIP() << "AddressSanitizer needs an address space without a limit";
#endif
  ScriptRig rig(R"({"memory_mb": 4096, "limits": {"memory_mb": 300}})", "process");
  for (const char* body :
       {"local s = 'x' while true do s = s .. s end", "return (('x'):rep(1000 * 1024 * 1024))"}) {
    const auto ran = rig.run(script_with(body), "{}", {}, Millis{600'000});
    EXPECT_NE(ran.outcome.error.find(R"("code":"no-space")"), std::string::npos)
        << ran.outcome.error;
    EXPECT_NE(ran.outcome.error.find("memory_mb in [plugins.lua.limits]"), std::string::npos)
        << ran.outcome.error;
    EXPECT_FALSE(ran.outcome.retryable);
    EXPECT_EQ(rig.run(script_with("return 1")).outcome.result, "1");
  }
}

/// What a script names often costs no more than what it may have.
TEST(HostileScripts, are_refused_before_their_bytes_are_copied) {
#ifdef SKEP_SANITIZED_ADDRESS
  GTEST_SKIP() << "AddressSanitizer needs an address space without a limit";
#endif
  ScriptRig rig(R"({"limits": {"memory_mb": 300}})", "process");
  const std::pair<const char*, const char*> attacks[] = {
      {"print(table.unpack(t))", "wrote more than 1048576 bytes"},
      {"ctx.log(t[1])", "wrote more than 1048576 bytes"},
      {"ctx.exec(t)", "more than 2 MiB"},
      {"local e = {} for i = 1, 100 do e['X' .. i] = t[i] end ctx.exec{ 'true', env = e }",
       "more than 2 MiB"},
      {"local v = 1 for i = 1, 60 do v = { [t[1]] = v } end return v", "more than 4 MiB as JSON"},
      {"return t[1]", "more than 4 MiB as JSON"}};
  for (const auto& [body, message] : attacks) {
    const auto ran = rig.body("local t, s = {}, ('\\1'):rep(2e7) for i = 1, 100 do t[i] = s end " +
                              std::string(body));
    EXPECT_NE(ran.outcome.error.find(message), std::string::npos) << body << ran.outcome.error;
  }
}

TEST(HostileScripts, see_nothing_of_an_earlier_run) {
  ScriptRig rig;
  const std::string source =
      script_with("string.leak = (string.leak or 0) + 1; leak = (leak or 0) + 1; return leak");
  EXPECT_EQ(rig.run(source).outcome.result, "1");
  EXPECT_EQ(rig.run(source).outcome.result, "1");
}

TEST(HostileScripts, end_soon_after_a_cancellation) {
  ScriptRig rig;
  std::jthread canceller([&rig](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      rig.cancel();
      std::this_thread::yield();
    }
  });
  const auto ran = rig.run(script_with("while true do pcall(ctx.sleep, 100) end"));
  EXPECT_EQ(ran.outcome.kind, model::OutcomeKind::kCancelled) << ran.outcome.error;
}

}  // namespace
}  // namespace skep::test
