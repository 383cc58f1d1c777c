#include "core/base/id.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

namespace skep {
namespace {

TEST(Id, is_a_version_7_uuid) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(std::regex_match(new_id(), form));
}

TEST(Id, never_repeats) {
  std::set<std::string> seen;
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(seen.insert(new_id()).second);
}

TEST(Id, begins_with_the_time_so_that_later_ones_sort_behind) {
  const std::string first = new_id();
  std::string later = new_id();
  while (later.substr(0, 13) == first.substr(0, 13)) later = new_id();
  EXPECT_LT(first, later);
}

TEST(Id, sorts_behind_its_former_whatever_the_clock_says) {
  const std::string future = "0fffffff-0000-7abc-8000-000000000000";
  EXPECT_GT(new_id_after(future), future);
  const std::string past = "00000000-0001-7abc-8000-000000000000";
  EXPECT_GT(new_id_after(past), std::string("01")) << "the clock counts where it is ahead";
  for (const char* none :
       {"", "i1", "0fffffff-0000-4abc-8000-000000000000", "0ffffFff-0000-7abc-8000-000000000000",
        "ffffffff-ffff-7abc-8000-000000000000", "fffffff0-0000-7abc-8000-000000000000"}) {
    const std::string made = new_id_after(none);
    EXPECT_LT(made, future) << none;
    EXPECT_GT(made, std::string("019")) << none;
  }
}

TEST(Id, is_older_only_than_another_of_its_kind) {
  const std::string first = "01990000-0000-7000-8000-000000000001";
  const std::string later = "01990000-0001-7000-8000-000000000001";
  EXPECT_TRUE(is_older_id(first, later));
  EXPECT_FALSE(is_older_id(later, first));
  EXPECT_FALSE(is_older_id(first, first));
  EXPECT_FALSE(is_older_id("0", later));
  EXPECT_FALSE(is_older_id(first, "zzz"));
  EXPECT_FALSE(is_older_id(first, "ffffffff-ffff-7fff-bfff-ffffffffffff")) << "none could follow";
}

TEST(RandomHex, has_two_digits_a_byte_also_across_blocks) {
  for (const std::size_t bytes : {1u, 15u, 16u, 17u, 33u}) {
    const std::string hex = random_hex(bytes);
    EXPECT_EQ(hex.size(), 2 * bytes);
    EXPECT_EQ(hex.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
  EXPECT_NE(random_hex(16), random_hex(16));
}

TEST(Name, accepts_what_the_runbooks_use) {
  for (const char* name :
       {"worker-site-a-01", "aws-us-east-1", "collect_facts", "com.acme.name", "7", "A"})
    EXPECT_TRUE(is_name(name)) << name;
  EXPECT_TRUE(is_name(std::string(128, 'x')));
}

TEST(Name, refuses_paths_blanks_and_length) {
  for (const char* name : {"", ".", "..", "-rf", "_x", "a/b", "a b", "a\n", "caf\xc3\xa9", "a\x7f"})
    EXPECT_FALSE(is_name(name)) << name;
  EXPECT_FALSE(is_name(std::string(129, 'x')));
  EXPECT_FALSE(is_name(std::string_view("a\0b", 3)));
}

TEST(Sha256, matches_the_published_vectors) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace skep
