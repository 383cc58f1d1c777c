#include "core/plugin/services/masks.hpp"

#include <gtest/gtest.h>

#include <string>

namespace skep::plugin {
namespace {

TEST(Masks, hide_every_value_and_the_longest_first) {
  const Masks masks({"pass", "password", "", "pass"});
  EXPECT_EQ(masks.hide("password pass passwor"), "*** *** ***wor");
  EXPECT_EQ(masks.hide("nothing"), "nothing");
  EXPECT_EQ(masks.hide(""), "");
}

TEST(Masks, a_document_stays_one_however_the_value_is_written) {
  const Masks masks({"a\"b\xc3\xa4", "12345"});
  EXPECT_EQ(masks.hide_json(R"({"x":"1 a\"b\u00e4","12345":[12345,1.5,null,"ok"]})"),
            R"({"x":"1 ***","***":["***",1.5E0,null,"ok"]})");
  EXPECT_EQ(masks.hide_json("no JSON, 12345"), "no JSON, ***");
}

/// Cut at every place, in every three pieces.
TEST(MaskedStream, hides_a_value_that_comes_in_pieces) {
  const Masks masks({"abcab", "abcabcd", "xyz"});
  const std::string said = "-abcabcabcd-abcabx-ab-xy";
  const std::string wanted = masks.hide(said);
  EXPECT_EQ(wanted, "-***cabcd-***x-ab-xy");
  for (std::size_t a = 0; a <= said.size(); ++a)
    for (std::size_t b = a; b <= said.size(); ++b) {
      MaskedStream stream;
      std::string out = stream.add(said.substr(0, a), masks);
      out += stream.add(said.substr(a, b - a), masks);
      out += stream.add(said.substr(b), masks);
      out += stream.rest(masks);
      EXPECT_EQ(out, wanted) << a << " " << b;
    }
}

TEST(MaskedStream, holds_back_no_more_than_what_may_become_a_value) {
  const Masks masks({"secret"});
  MaskedStream stream;
  EXPECT_EQ(stream.add("say sec", masks), "say ");
  EXPECT_EQ(stream.add("tor", masks), "sector");
  EXPECT_EQ(stream.add("se", masks), "");
  EXPECT_EQ(stream.rest(masks), "se");
}

TEST(MaskBook, keeps_the_newest_of_each_owner_and_the_lines_of_long_ones) {
  EXPECT_EQ(masks_of("nobody"), nullptr);
  mask_for("masks.test", "first value");
  mask_for("masks.test", "-----BEGIN\nline one of it\nx\n");
  EXPECT_EQ(masks_of("masks.test")->hide("first value, line one of it, x"), "***, ***, x");
  EXPECT_EQ(masks_of("another"), nullptr);
  for (std::size_t i = 0; i < kMostMasks; ++i) mask_for("masks.test", "value " + std::to_string(i));
  EXPECT_EQ(masks_of("masks.test")->values().size(), kMostMasks);
  EXPECT_EQ(masks_of("masks.test")->hide("first value, value 0"), "first value, ***");
}

}  // namespace
}  // namespace skep::plugin
