// The JSON reader for C.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "core/base/json.hpp"
#include "skep/json.h"

namespace skep {
namespace {

/// In memory of exactly that size, so that ASan sees whoever reads on.
struct Exact {
  explicit Exact(std::string_view s) : bytes(s.begin(), s.end()) { bytes.shrink_to_fit(); }
  skep_view view() const { return {bytes.data(), bytes.size()}; }
  std::vector<char> bytes;
};

bool valid(std::string_view text) { return skep_json_valid(Exact(text).view()) != 0; }

/// The tokens as one word each.
std::string tokens(std::string_view text) {
  const Exact exact(text);
  skep_json j;
  skep_json_open(&j, exact.view());
  std::string out;
  for (;;) {
    const skep_json_token token = skep_json_next(&j);
    static const char* const names[] = {"!", ".", "{", "}", "[", "]", "k", "s", "n", "t", "f", "0"};
    out += names[token];
    if (token == SKEP_JSON_KEY || token == SKEP_JSON_STRING || token == SKEP_JSON_NUMBER)
      out += "(" + std::string(j.text, j.n) + ")";
    if (token == SKEP_JSON_ERROR || token == SKEP_JSON_END) return out;
  }
}

std::string text_at(std::string_view json, const char* pointer, std::size_t cap = 64) {
  const Exact exact(json);
  std::vector<char> out(cap);
  std::size_t needed = 0;
  const skep_rc rc = skep_json_text(exact.view(), pointer, out.data(), cap, &needed);
  return rc == SKEP_OK ? std::string(out.data(), needed) : "rc " + std::to_string(rc);
}

std::int64_t int_at(std::string_view json, const char* pointer) {
  std::int64_t out = -999;
  const skep_rc rc = skep_json_int(Exact(json).view(), pointer, &out);
  return rc == SKEP_OK ? out : rc * 1000;
}

constexpr std::int64_t kInvalid = SKEP_E_INVALID * 1000;
constexpr std::int64_t kMissing = SKEP_E_NOT_FOUND * 1000;

TEST(SdkJsonC, reads_token_by_token) {
  EXPECT_EQ(tokens(R"( {"a":[1,-2.5e3,"x\n",true,false,null],"b":{},"c":[]} )"),
            "{k(a)[n(1)n(-2.5e3)s(x\\n)tf0]k(b){}k(c)[]}.");
  EXPECT_EQ(tokens("7"), "n(7).");
  EXPECT_EQ(tokens("[1 2]"), "[n(1)!");
}

TEST(SdkJsonC, refuses_what_is_not_json) {
  for (const char* bad : {"",
                          " ",
                          "{",
                          "[1,]",
                          "{\"a\"}",
                          "{\"a\":}",
                          "{,}",
                          "[,1]",
                          "tru",
                          "truex",
                          "1 2",
                          "\"a",
                          "\"\\x\"",
                          "\"\\ud800\"",
                          "\"\\udc00\"",
                          "\"\\ud800\\u0041\"",
                          "01",
                          "-",
                          "1.",
                          ".5",
                          "1e",
                          "+1",
                          "nan",
                          "[1",
                          "[}",
                          "{]",
                          "{a:1}",
                          "'a'",
                          "\"\\u12g4\"",
                          "\"\t\"",
                          "\"\xff\"",
                          "\"\xc0\x80\"",
                          "\"\xed\xa0\x80\"",
                          "{\"a\":1,}",
                          "]",
                          "\"\\",
                          "\"\\u"})
    EXPECT_FALSE(valid(bad)) << bad;
  EXPECT_FALSE(valid(std::string_view("\"\0\"", 3)));
  EXPECT_FALSE(valid(std::string_view("\"\\\0\"", 4)));
  EXPECT_TRUE(valid(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(valid(std::string(65, '[') + std::string(65, ']')));
  EXPECT_TRUE(valid(std::string(127, '1')));
  EXPECT_FALSE(valid(std::string(128, '1')));
}

TEST(SdkJsonC, finds_by_pointer) {
  const std::string json =
      R"({"skip":[{"a":[]},"}"],"params":{"a/b":"slash","~":"tilde","l":[10,[20,21],{"x":30}],)"
      R"("":"empty","\u0061":"escaped","n":null},"a":1,"a":2})";
  EXPECT_EQ(text_at(json, "/params/a~1b"), "slash");
  EXPECT_EQ(text_at(json, "/params/~0"), "tilde");
  EXPECT_EQ(text_at(json, "/params/"), "empty");
  EXPECT_EQ(text_at(json, "/params/a"), "escaped");
  EXPECT_EQ(int_at(json, "/params/l/0"), 10);
  EXPECT_EQ(int_at(json, "/params/l/1/1"), 21);
  EXPECT_EQ(int_at(json, "/params/l/2/x"), 30);
  EXPECT_EQ(int_at(json, "/a"), 1) << "the first";
  for (const char* missing :
       {"/b", "/params/l/3", "/params/l/01", "/params/l/-", "/params/l/", "/a/x",
        "/params/l/99999999999999999999", "/params/n", "/para", "/paramss"})
    EXPECT_EQ(int_at(json, missing), kMissing) << missing;
  EXPECT_EQ(int_at(json, "/params"), kInvalid) << "another type";
  EXPECT_EQ(int_at(json, "a"), kInvalid) << "no pointer";
  EXPECT_EQ(int_at("{\"b\":x}", "/a"), kInvalid);
  EXPECT_EQ(int_at("5", ""), 5);
}

TEST(SdkJsonC, texts_are_decoded_and_never_cut) {
  EXPECT_EQ(text_at(R"(["a\u00e9\ud83d\ude00\/\n\"\\"])", "/0"),
            "a\xc3\xa9\xf0\x9f\x98\x80/\n\"\\");
  EXPECT_EQ(text_at(R"(["abc"])", "/0", 4), "abc");
  EXPECT_EQ(text_at(R"(["abc"])", "/0", 3), "rc " + std::to_string(SKEP_E_NO_MEMORY));
  EXPECT_EQ(text_at(R"([1])", "/0"), "rc " + std::to_string(SKEP_E_INVALID));
  std::size_t needed = 0;
  EXPECT_EQ(skep_json_text(Exact(R"("abc")").view(), "", nullptr, 0, &needed), SKEP_E_NO_MEMORY);
  EXPECT_EQ(needed, 3u);
}

TEST(SdkJsonC, numbers_are_exact_or_refused) {
  EXPECT_EQ(int_at("9223372036854775807", ""), INT64_MAX);
  EXPECT_EQ(int_at("-9223372036854775808", ""), INT64_MIN);
  EXPECT_EQ(int_at("-0", ""), 0);
  EXPECT_EQ(int_at("1e3", ""), 1000);
  EXPECT_EQ(int_at("2.0", ""), 2);
  for (const char* no : {"9223372036854775808", "-9223372036854775809", "1.5", "1e300", "1e999"})
    EXPECT_EQ(int_at(no, ""), kInvalid) << no;
  double d = 0;
  EXPECT_EQ(skep_json_double(Exact("-2.5e-1").view(), "", &d), SKEP_OK);
  EXPECT_EQ(d, -0.25);
  EXPECT_EQ(skep_json_double(Exact("1e999").view(), "", &d), SKEP_E_INVALID);
  int b = 7;
  EXPECT_EQ(skep_json_bool(Exact("[false]").view(), "/0", &b), SKEP_OK);
  EXPECT_EQ(b, 0);
  EXPECT_EQ(skep_json_bool(Exact("[0]").view(), "/0", &b), SKEP_E_INVALID);
}

TEST(SdkJsonC, quotes_what_it_is_given) {
  char out[64];
  const std::string ugly("a\"\\\n\x01\xff\xc3\xa9", 8);
  const std::size_t n = skep_json_quote(out, sizeof(out), ugly.data(), ugly.size());
  EXPECT_EQ(std::string(out, n), R"("a\"\\\u000a\u0001)"
                                 "\xef\xbf\xbd\xc3\xa9\"");
  EXPECT_TRUE(valid(out));
  char small[4];
  EXPECT_EQ(skep_json_quote(small, sizeof(small), "abcdef", 6), 8u) << "what it needs";
  EXPECT_STREQ(small, "\"ab");
}

TEST(SdkJsonC, says_of_damaged_documents_what_the_host_says) {
  const std::vector<std::string> seeds{
      R"({"task_id":"t","params":{"name":"b\u00e9e","n":[1,2.5e3,-0,true,false,null]},"x":{}})",
      R"([[[]],{"a":{"b":[{"c":"\ud83d\ude00"}]}},"é",1234])"};
  std::mt19937 random(7);
  const std::string bytes = "{}[]\",:\\u0123456789eE+-.tfn \n\x80\xc3\xff";
  for (int round = 0; round < 60'000; ++round) {
    std::string text = seeds[random() % seeds.size()];
    for (int k = 1 + static_cast<int>(random() % 3); k > 0 && !text.empty(); --k) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 4);
      else if (random() % 2 == 0)
        text[at] = bytes[random() % bytes.size()];
      else
        text.insert(at, 1, bytes[random() % bytes.size()]);
    }
    const Status host = check_json(text);
    const bool twice = !host && host.error().message.find("twice") != std::string::npos;
    if (!twice) {
      EXPECT_EQ(valid(text), static_cast<bool>(host)) << text;
    }
    skep_json j;
    const Exact exact(text);
    if (skep_json_find(&j, exact.view(), "/params/name") == SKEP_OK) {
      char out[8];
      skep_json_copy(&j, out, sizeof(out), nullptr);
    }
  }
}

}  // namespace
}  // namespace skep
