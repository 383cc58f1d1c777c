#include "core/base/token.hpp"

#include <gtest/gtest.h>

namespace skep {
namespace {

TEST(TokenIn, is_one_line_without_what_surrounds_it) {
  EXPECT_EQ(token_in("\n  s3cret token \r\n", "f").value(), "s3cret token");
  EXPECT_EQ(token_in("schl\xc3\xbcssel", "f").value(), "schl\xc3\xbcssel");
}

TEST(TokenIn, is_refused_by_the_name_of_its_file_alone) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv, " \n"sv, "s3cret\nmore"sv, "s3cret\rmore"sv,
                                      "s3cret\0"sv, "s3\x1b"sv, "s3\x7f\x7f"sv, "s3\xff"sv}) {
    const auto refused = token_in(text, "f");
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, Code::kConfig);
    EXPECT_EQ(refused.error().message, "f does not hold one line of printable characters");
    EXPECT_EQ(refused.error().next.find("s3"), std::string::npos);
  }
}

}  // namespace
}  // namespace skep
