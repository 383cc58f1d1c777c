#include "core/base/utf8.hpp"

#include <gtest/gtest.h>

#include <random>

#include "skep/text.hpp"

namespace skep {
namespace {

constexpr std::string_view kBee = "\xf0\x9f\x90\x9d";

TEST(Utf8, tells_characters_from_other_bytes) {
  EXPECT_EQ(utf8_length("a\xff"), 1u);
  EXPECT_EQ(utf8_length("\xc3\xa9"), 2u);
  EXPECT_EQ(utf8_length("\xe2\x82\xac."), 3u);
  EXPECT_EQ(utf8_length(kBee), 4u);
  EXPECT_EQ(utf8_length(""), 0u);
  for (const std::string_view bad :
       {"\xef", "\xa9", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3x", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x90"}) {
    EXPECT_EQ(utf8_length(bad), 0u);
    EXPECT_FALSE(is_utf8("text " + std::string(bad)));
  }
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("na\xc3\xafve\xf4\x8f\xbf\xbf"));
}

TEST(Utf8, puts_a_mark_in_place_of_what_is_none) {
  EXPECT_EQ(to_utf8("plain \xc3\xa9 \xf0\x9f\x90\x9d"), "plain \xc3\xa9 \xf0\x9f\x90\x9d");
  EXPECT_EQ(to_utf8("\xc0\x80"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(to_utf8("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(to_utf8("na\xefve"), "na\xef\xbf\xbdve");
}

TEST(ClipUtf8, never_cuts_inside_a_character) {
  const std::string text = "a\xc3\xa9\xe2\x82\xac" + std::string(kBee) + "z";
  const std::string_view cuts[] = {"", "a", "a", "a\xc3\xa9"};
  for (std::size_t n = 0; n < std::size(cuts); ++n) EXPECT_EQ(clip_utf8(text, n), cuts[n]);
  for (std::size_t n = 0; n <= text.size() + 1; ++n) {
    const std::string_view cut = clip_utf8(text, n);
    EXPECT_TRUE(is_utf8(cut)) << n;
    EXPECT_EQ(clip_text(text, n), cut) << "plugins cut in another way";
    EXPECT_LE(cut.size(), n);
    EXPECT_GT(cut.size() + 4, std::min(n, text.size())) << "more than a character went";
  }
}

TEST(ClipUtf8, keeps_the_length_of_what_is_no_text) {
  EXPECT_EQ(clip_utf8(std::string(100, '\xa9'), 50).size(), 50u);
  EXPECT_EQ(clip_utf8(std::string(100, '\xff'), 50).size(), 50u);
}

}  // namespace
}  // namespace skep
