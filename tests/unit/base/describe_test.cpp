#include "core/base/describe.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "core/base/json.hpp"

namespace skep {
namespace {

TEST(PlainText, differs_from_the_other_in_numbers_alone) {
  const std::string text = R"({"a\u0001":[9E1,1.5E-1,1E5,2],"b":{"c":"9E1"},"d":null,"e":true})";
  EXPECT_EQ(plain_text(parse_json(text).value()),
            R"({"a\u0001":[90,0.15,100000,2],"b":{"c":"9E1"},"d":null,"e":true})");
}

TEST(Describe, says_value_and_type) {
  EXPECT_EQ(describe(*parse_json("\"four\"")), "\"four\" (a string)");
  EXPECT_EQ(describe(*parse_json("5")), "5 (an integer)");
  EXPECT_EQ(describe(*parse_json("0.5")), "0.5 (a number)");
  EXPECT_EQ(describe(*parse_json("9E1")), "90 (a number)");
  EXPECT_EQ(describe(*parse_json("[9E1]")), "[90] (an array)");
  EXPECT_EQ(describe(*parse_json("true")), "true (a boolean)");
  EXPECT_EQ(describe(*parse_json("[1,2]")), "[1,2] (an array)");
  EXPECT_EQ(describe(*parse_json("{}")), "{} (an object)");
  EXPECT_EQ(describe(nullptr), "null");
}

TEST(Describe, cuts_long_values_whatever_their_type) {
  EXPECT_LT(describe(json::value(std::string(1'000'000, 'x'))).size(), 100u);
  EXPECT_LT(describe(json::array(1'000'000, 7)).size(), 100u);
  EXPECT_EQ(describe(json::array(1'000, 7)), "1000 elements (an array)");
  const json::array wide(50, json::value(std::string(1'000, 'y')));
  EXPECT_LT(describe(wide).size(), 100u);
}

TEST(Shorten, never_cuts_a_character_in_two) {
  EXPECT_EQ(shorten("abc", 3), "abc");
  EXPECT_EQ(shorten("abcd", 3), "abc..");
  EXPECT_EQ(shorten("ab\xc3\xa9", 3), "ab..");
}

TEST(Nesting, counts_levels) {
  EXPECT_EQ(nesting(7), 0u);
  EXPECT_EQ(nesting(*parse_json("[]")), 1u);
  EXPECT_EQ(nesting(*parse_json(R"({"a":1,"b":[{}]})")), 3u);
}

}  // namespace
}  // namespace skep
