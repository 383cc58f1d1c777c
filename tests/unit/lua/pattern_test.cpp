// The bounded matcher against the answers of the reference manual and of Lua's own library.
#include <gtest/gtest.h>

#include "tests/support/script_rig.hpp"

namespace skep::test {
namespace {

struct Case {
  const char* expression;
  const char* result;  ///< as JSON
};

class Pattern : public ::testing::TestWithParam<Case> {};

TEST_P(Pattern, answers_as_lua_does) {
  ScriptRig rig;
  const auto ran = rig.body(std::string("return { ") + GetParam().expression + " }");
  EXPECT_EQ(ran.outcome.result, GetParam().result) << GetParam().expression << ran.outcome.error;
}

INSTANTIATE_TEST_SUITE_P(
    Expressions, Pattern,
    ::testing::Values(
        Case{"('hello world'):find('o w')", "[5,7]"}, Case{"('hello'):find('l+')", "[3,4]"},
        Case{"('hello'):find('')", "[1,0]"}, Case{"('hello'):find('', 10) or 0", "[0]"},
        Case{"('a.b'):find('.', 1, true)", "[2,2]"}, Case{"('a.b'):find('%.')", "[2,2]"},
        Case{"('hello'):find('xyz') or 0", "[0]"}, Case{"('hello'):find('l', -2)", "[4,4]"},
        Case{"('key = value'):match('^(%w+)%s*=%s*(%w+)$')", "[\"key\",\"value\"]"},
        Case{"('2026-11-22'):match('(%d+)-(%d+)-(%d+)')", "[\"2026\",\"11\",\"22\"]"},
        Case{"('abc'):match('()b()')", "[2,3]"}, Case{"('[[x]]'):match('%b[]')", "[\"[[x]]\"]"},
        Case{"('THE (quick) fox'):find('%((%a+)%)')", "[5,11,\"quick\"]"},
        Case{"('THE (quick) fox'):gsub('%f[%a]%a+', '<%0>')", "[\"<THE> (<quick>) <fox>\",3]"},
        Case{"('hello'):gsub('l', { l = 'L' })", "[\"heLLo\",2]"},
        Case{"('hello'):gsub('', '-')", "[\"-h-e-l-l-o-\",6]"},
        Case{"('abc'):gsub('%w', '%0%0', 2)", "[\"aabbc\",2]"},
        Case{"('abc'):gsub('b', function() return false end)", "[\"abc\",1]"},
        Case{"('aXbX'):gsub('^a', '')", "[\"XbX\",1]"},
        Case{"('x = \"a\" y'):match('([\"\\'])(.-)%1')", "[\"\\\"\",\"a\"]"},
        Case{"('aaa'):match('a-b') or 'none'", "[\"none\"]"},
        Case{"('aaab'):match('a-b')", "[\"aaab\"]"}, Case{"('[]]'):match('[]]')", "[\"]\"]"},
        Case{"('a-z'):match('[a%-]+')", "[\"a-\"]"}, Case{"('f9'):match('[^%d]')", "[\"f\"]"},
        Case{"('äö'):match('[\\xc3\\xa4]+')", "[\"\xc3\xa4\xef\xbf\xbd\"]"},
        Case{"(function() local t = {} for k, v in ('a=1, b=2'):gmatch('(%w)=(%w)') do t[#t+1] = k "
             ".. "
             "v end return table.concat(t, ' ') end)()",
             "[\"a1 b2\"]"},
        Case{"(function() local n = 0 for _ in ('abc'):gmatch('') do n = n + 1 end return n end)()",
             "[4]"},
        Case{"select(2, pcall(string.find, 'a', '[a'))", "[\"the pattern has [ without ]\"]"},
        Case{"select(2, pcall(string.find, 'a', '%'))", "[\"the pattern ends with %\"]"},
        Case{"select(2, pcall(string.find, '(a', '%b('))", "[\"%b needs two characters\"]"},
        Case{"select(2, pcall(string.find, 'a', '(a'))", "[\"unfinished capture in the pattern\"]"},
        Case{"select(2, pcall(string.rep, 'x', 1, 2, 3))", "[\"x\"]"}));

}  // namespace
}  // namespace skep::test
