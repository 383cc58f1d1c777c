#include "core/base/text.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "core/base/fd.hpp"
#include "core/base/file.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep {
namespace {

const std::vector<std::string> kWords{"concurrency", "batch_size", "capabilities"};

TEST(Nearest, finds_the_word_that_was_meant) {
  EXPECT_EQ(nearest("concurency", kWords), "concurrency");
  EXPECT_EQ(nearest("batchsize", kWords), "batch_size");
  EXPECT_EQ(nearest("capabilites", kWords), "capabilities");
  EXPECT_EQ(nearest("concurrency", kWords), "concurrency");
}

TEST(Nearest, says_nothing_when_nothing_is_near) {
  EXPECT_EQ(nearest("listen", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest("x", {}), "");
  const std::vector<std::string> longest{std::string(64, 'a')};
  EXPECT_EQ(nearest(std::string(63, 'a') + "b", longest), longest.front());
  EXPECT_EQ(nearest(std::string(64, 'a') + "b", longest), "") << "too long for a slip";
}

TEST(IsBeneath, goes_by_whole_names) {
  EXPECT_TRUE(is_beneath("/a/b/c", "/a/b"));
  EXPECT_TRUE(is_beneath("/a/b/c", "/a"));
  EXPECT_TRUE(is_beneath("/a", "/"));
  EXPECT_TRUE(is_beneath("/a//b/c", "/a/./b/"));
  EXPECT_TRUE(is_beneath("a/b", "a"));
  EXPECT_FALSE(is_beneath("/a/bc", "/a/b"));
  EXPECT_FALSE(is_beneath("/a/b", "/a/b"));
  EXPECT_FALSE(is_beneath("/a", "/a/b"));
  EXPECT_FALSE(is_beneath("/a/b/../c", "/a/b"));
  EXPECT_FALSE(is_beneath("/a", ""));
}

TEST(Aligned, pads_every_column_but_the_last) {
  const std::vector<std::vector<std::string>> rows{{"field", "found", "verdict"},
                                                   {"id", "com.acme.disk", "ok"}};
  EXPECT_EQ(aligned(rows), "\n  field  found          verdict\n  id     com.acme.disk  ok");
  EXPECT_EQ(aligned({}), "");
}

TEST(Nearest, forgives_one_slip_in_a_short_word_and_three_in_a_long_one) {
  const std::vector<std::string> words{"ab", "abcdefghijkl"};
  EXPECT_EQ(nearest("ax", words), "ab");
  EXPECT_EQ(nearest("xy", words), "");
  EXPECT_EQ(nearest("xxxdefghijkl", words), "abcdefghijkl");
  EXPECT_EQ(nearest("xxxxefghijkl", words), "");
}

TEST(Suggestion, names_the_nearest_or_lists_what_is_known) {
  EXPECT_EQ(suggestion("concurency", kWords), "did you mean \"concurrency\"?");
  EXPECT_EQ(suggestion("zzz", kWords), "known: concurrency, batch_size, capabilities");
  EXPECT_EQ(suggestion("zzz", {}), "none are known");
}

TEST(Suggestion, lists_no_more_than_twelve) {
  const std::vector<std::string> many(13, "word");
  const std::string text = suggestion("zzzz", many);
  EXPECT_TRUE(text.ends_with(", ..")) << text;
  EXPECT_EQ(split(text, ',').size(), 13u);
}

TEST(Split, keeps_empty_parts_and_join_undoes_it) {
  const auto parts = split("a,,b,", ',');
  EXPECT_EQ(parts, (std::vector<std::string>{"a", "", "b", ""}));
  EXPECT_EQ(join(parts, ","), "a,,b,");
  EXPECT_EQ(split("", ','), std::vector<std::string>{""});
}

TEST(ToInt, takes_whole_numbers_only) {
  EXPECT_EQ(to_int("-42"), -42);
  EXPECT_EQ(to_int("9223372036854775807"), INT64_MAX);
  for (const char* text : {"", "1.0", " 1", "1 ", "0x10", "9223372036854775808", "+1", "one"})
    EXPECT_EQ(to_int(text), std::nullopt) << text;
}

TEST(ReadFile, reads_up_to_its_cap_and_refuses_more) {
  const test::TempDir dir;
  const std::string path = dir.file("file");
  std::ofstream(path) << std::string(100'000, 'x');
  EXPECT_EQ(read_file(path, 100'000), std::string(100'000, 'x'));
  EXPECT_EQ(read_file(path, 99'999), std::nullopt);
  EXPECT_EQ(read_file(dir.file("none")), std::nullopt);
}

TEST(LoadFile, waits_for_no_pipe_and_says_what_a_name_is) {
  const test::TempDir dir;
  const std::string path = dir.file("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(read_file(path), std::nullopt);
  EXPECT_EQ(load_file(path, 4096).error().code, Code::kInvalid);
  EXPECT_EQ(load_file(path, 4096).error().message, path + " is no regular file");
  EXPECT_NE(load_file(dir.path(), 4096).error().message.find("Is a directory"), std::string::npos);
  EXPECT_EQ(load_file(dir.file("none"), 4096).error().code, Code::kNotFound);
}

TEST(LoadInput, takes_what_comes_through_a_pipe) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd out(ends[0]);
  {
    const UniqueFd in(ends[1]);
    ASSERT_EQ(::write(in.get(), "params", 6), 6);
  }
  EXPECT_EQ(load_input("/dev/fd/" + std::to_string(out.get()), 4096).value(), "params");
}

}  // namespace
}  // namespace skep
