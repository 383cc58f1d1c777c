#include "skep/json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace skep {
namespace {

std::string round(std::string_view text) { return Json::parse(text).dump(); }
std::string problem(std::string_view text) {
  try {
    Json::parse(text);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(SdkJson, keeps_what_it_reads) {
  EXPECT_EQ(round(R"( {"b":1,"a":[true,false,null,-2,1.5,"x"],"e":{},"l":[]} )"),
            R"({"b":1,"a":[true,false,null,-2,1.5,"x"],"e":{},"l":[]})");
  EXPECT_EQ(round("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(round(R"("a\u00e9\ud83d\ude00\/\n\"")"), "\"a\xc3\xa9\xf0\x9f\x98\x80/\\n\\\"\"");
}

TEST(SdkJson, refuses_what_is_not_json) {
  for (const char* bad : {"", "{", "[1,]", "{\"a\"}", "{\"a\":}", "tru", "1 2", "\"a", "\"\\x\"",
                          "\"\\ud800\"", "01x", "nan", "[1", "{a:1}", "'a'", "\"\\u12g4\""})
    EXPECT_TRUE(problem(bad).starts_with("JSON: ")) << bad << ": " << problem(bad);
  EXPECT_EQ(problem(std::string(70, '[')), "JSON: nested too deep at byte 64");
  EXPECT_EQ(problem("[] x"), "JSON: text after the end at byte 3");
}

TEST(SdkJson, missing_members_read_as_defaults) {
  const Json j = Json::parse(R"({"a":{"b":"x"},"n":3})");
  EXPECT_EQ(j["a"]["b"].str(), "x");
  EXPECT_EQ(j["a"]["c"]["d"].str("none"), "none");
  EXPECT_EQ(j["n"].integer(), 3);
  EXPECT_EQ(j["a"].integer(7), 7);
  EXPECT_TRUE(j["zz"].is_null());
}

TEST(SdkJson, builds_objects_in_order) {
  Json j;
  j.set("z", 1).set("a", Json::array().push("x").push(nullptr)).set("z", 2.5);
  EXPECT_EQ(j.dump(), R"({"z":2.5,"a":["x",null]})");
}

TEST(SdkJson, what_a_temporary_gives_outlives_it) {  // under ASan, too
  std::string seen;
  for (const Json& item : Json::parse(R"(["a long text that is on the heap",2])").items())
    seen += item.dump();
  for (const auto& [name, value] :
       Json::parse(R"({"a long name that is on the heap":1})").members())
    seen += name;
  for (const Json& item :
       Json::parse(R"({"list":[{"x":["a third text on the heap"]}]})")["list"].items())
    for (const Json& inner : item["x"].items()) seen += inner.str();
  const Json& kept = Json::parse(R"({"a":{"b":"a fourth text on the heap"}})")["a"]["b"];
  EXPECT_EQ(
      seen,
      "\"a long text that is on the heap\"2a long name that is on the heapa third text on the "
      "heap");
  EXPECT_EQ(kept.str(), "a fourth text on the heap");
  EXPECT_TRUE(Json::parse("1").items().empty());
  EXPECT_TRUE(Json::parse("[]")["x"].is_null());
}

TEST(SdkJson, takes_every_type_of_integer) {
  EXPECT_EQ(Json::array()
                .push(1u)
                .push(std::size_t{2})
                .push(3LL)
                .push(std::uint8_t{4})
                .push(5UL)
                .push(std::int16_t{-6})
                .push(true)
                .push(1.5f)
                .dump(),
            "[1,2,3,4,5,-6,true,1.5]");
  EXPECT_EQ(Json(~0ull).number(), 18446744073709551615.0) << "beyond int64";
  EXPECT_FALSE(Json(~0ull).is_integer());
}

TEST(SdkJson, output_is_utf8_whatever_goes_in) {
  EXPECT_EQ(Json("\xff"
                 "a\xc3")
                .dump(),
            "\"\xef\xbf\xbd"
            "a\xef\xbf\xbd\"");
  EXPECT_EQ(Json("\x01\r").dump(), R"("\u0001\u000d")");
}

}  // namespace
}  // namespace skep
