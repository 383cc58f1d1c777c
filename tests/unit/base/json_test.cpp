#include "core/base/json.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <limits>

#include "core/base/json_count.hpp"

namespace skep {
namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Json, values_are_counted_before_anybody_makes_them) {  // N8
  const std::pair<const char*, std::size_t> cases[] = {
      {"1", 1},
      {"[1,2,3]", 4},
      {R"({"a":1,"b":[true,null]})", 5},
      {R"(["a,b","[{","\"[,","\\\\",1])", 6},
      {R"({"a,[":"x"})", 2},
      {R"(["never ends,,,)", 2},
      {R"(["\)", 2},
  };
  for (const auto& [text, values] : cases) EXPECT_EQ(count_json_values(text, 100), values) << text;
  EXPECT_EQ(count_json_values("[1,2,3,4,5,6]", 3), 4u) << "no further than it needs to";
  EXPECT_EQ(count_json_values("", 3), 1u);
}

TEST(ParseJson, accepts_64_levels_and_refuses_65) {
  EXPECT_TRUE(parse_json(nested(64)));
  const auto deep = parse_json(nested(65));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, Code::kInvalid);
  EXPECT_EQ(deep.error().id(), "json-too-deep");
}

TEST(ParseJson, survives_a_depth_bomb) {
  for (const std::size_t depth : {100'000u, 1'000'000u}) {
    EXPECT_FALSE(parse_json(nested(depth)));
    EXPECT_FALSE(parse_json(std::string(depth, '[')));
    std::string objects;
    for (std::size_t i = 0; i < depth; ++i) objects += "{\"a\":";
    EXPECT_FALSE(parse_json(objects));
  }
}

TEST(ParseJson, says_at_which_byte_it_stopped) {
  const auto bad = parse_json("{\"a\": tru}");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("at byte 6"), std::string::npos) << bad.error().message;
  const auto rest = parse_json("{} x");
  ASSERT_FALSE(rest);
  EXPECT_EQ(rest.error().message, "JSON: text after the end at byte 3");
}

TEST(ParseJson, refuses_what_is_no_document) {
  for (const char* text : {"", " ", "{", "[1,]", "{'a':1}", "nul", "1 2", "\"\xff\"", "\"\t\"",
                           "[NaN]", "01", "\"\\ud800\""})
    EXPECT_FALSE(parse_json(text)) << text;
}

TEST(ParseJson, names_a_member_that_comes_twice) {
  for (const char* text : {R"({"a":1,"b":2,"a":3})", R"([{"x":{"\u0061":1,"a":1}}])",
                           R"({"a":{},"a":{}})", R"({"x":{"b":1},"a":2,"y":{"a":3},"a":4})"}) {
    const auto r = parse_json(text);
    ASSERT_FALSE(r) << text;
    EXPECT_NE(r.error().message.find("\"a\" twice"), std::string::npos) << r.error().message;
  }
  EXPECT_TRUE(parse_json(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]})"));
  EXPECT_TRUE(parse_json(R"({"ab":{"b":1,"c":2},"a":3,"b":4,"":5,"c":{}})"));
}

TEST(ParseJson, keeps_64_bit_integers_exact) {
  EXPECT_EQ(parse_json("9223372036854775807")->get_int64(), INT64_MAX);
  EXPECT_EQ(parse_json("18446744073709551615")->get_uint64(), UINT64_MAX);
}

TEST(Members, come_with_a_default_when_missing_or_of_another_type) {
  const json::object o =
      parse_json(R"({"s":"x","i":7,"d":1.5,"b":true,"o":{"k":[1]}})")->get_object();
  EXPECT_EQ(get_string(o, "s"), "x");
  EXPECT_EQ(get_string(o, "i", "no"), "no");
  EXPECT_EQ(get_int(o, "i"), 7);
  EXPECT_EQ(get_int(o, "s", 3), 3);
  EXPECT_EQ(get_int(o, "d", 3), 3);
  EXPECT_EQ(get_double(o, "d"), 1.5);
  EXPECT_EQ(get_double(o, "i"), 7.0);
  EXPECT_TRUE(get_bool(o, "b"));
  EXPECT_FALSE(get_bool(o, "none"));
  EXPECT_EQ(get_raw(o, "o"), R"({"k":[1]})");
  EXPECT_EQ(get_raw(o, "none", "{}"), "{}");
}

TEST(JsonOut, places_commas_at_every_level) {
  JsonOut out;
  out.object().key("a").integer(1).key("b").array().str("x").null().object().end_object();
  out.boolean(true).end_array().key("c").raw("{\"d\":2}").key("e").raw("").end_object();
  EXPECT_EQ(out.text(), R"({"a":1,"b":["x",null,{},true],"c":{"d":2},"e":null})");
}

TEST(JsonOut, escapes_so_that_every_byte_below_32_comes_back) {
  std::string all = "\"\\/\x7f\xc3\xa9";
  for (char c = 0; c < 32; ++c) all += c;
  const std::string text = JsonOut().array().str(all).end_array().take();
  EXPECT_EQ(text.find_first_of(std::string_view("\n\r\t\0", 4)), std::string::npos);
  const auto parsed = parse_json(text);
  ASSERT_TRUE(parsed) << text;
  EXPECT_EQ(std::string(parsed->at(0).get_string()), all);
}

TEST(JsonOut, writes_text_whatever_the_bytes) {
  EXPECT_EQ(JsonOut().str("na\xefve \xc3\xa9").text(), "\"na\xef\xbf\xbdve \xc3\xa9\"");
  EXPECT_EQ(JsonOut().object().key("\xff").integer(1).end_object().text(), "{\"\xef\xbf\xbd\":1}");
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
      ASSERT_TRUE(parse_json(JsonOut().str(bytes).text())) << first << ' ' << second;
    }
}

TEST(JsonOut, writes_numbers_as_people_do) {
  const auto written = [](double d) { return JsonOut().number(d).take(); };
  EXPECT_EQ(written(90), "90");
  EXPECT_EQ(written(100'000), "100000");
  EXPECT_EQ(written(-604'800'000), "-604800000");
  EXPECT_EQ(written(0.001), "0.001");
  EXPECT_EQ(written(1e30), "1e+30");
}

TEST(JsonOut, writes_numbers_that_come_back_the_same) {
  for (const double d : {0.0, -0.5, 1e300, 5e-324, 0.1, 1.0 / 3, 1e-5 / 3, 1e15 / 3}) {
    const auto parsed = parse_json(JsonOut().number(d).take());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->to_number<double>(), d);
  }
  EXPECT_EQ(JsonOut().number(std::numeric_limits<double>::infinity()).text(), "null");
  EXPECT_EQ(JsonOut().integer(INT64_MIN).text(), "-9223372036854775808");
}

TEST(JsonOut, writes_null_for_what_is_not_set) {
  JsonOut out;
  out.array().str_or_null("").str_or_null("x").time_or_null(0).time_or_null(1'000).end_array();
  EXPECT_EQ(out.text(), R"([null,"x",null,"1970-01-01T00:00:01.000Z"])");
}

}  // namespace
}  // namespace skep
