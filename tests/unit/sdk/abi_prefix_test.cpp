// Every released version of the ABI is a prefix of this one.
#include <gtest/gtest.h>
#include <stdio.h>

#include <filesystem>

#include "core/base/text.hpp"
#include "tests/unit/sdk/abi_prefix.hpp"

namespace skep::test {
namespace {

namespace fs = std::filesystem;

const fs::path kSdk = fs::path(SKEP_SOURCE_DIR) / "sdk";

Declarations headers_below(const fs::path& include) {
  Declarations out;
  for (const char* part : {"abi", "kind", "svc"})
    for (const auto& file : fs::directory_iterator(include / "skep" / part))
      out.merge(declarations_of(*read_file(file.path().string())));
  return out;
}

std::string layout_now() {
  std::string out;
  FILE* p = ::popen(SKEP_LAYOUT_PROGRAM, "r");
  if (p == nullptr) return out;
  char chunk[4096];
  while (const std::size_t n = ::fread(chunk, 1, sizeof(chunk), p)) out.append(chunk, n);
  ::pclose(p);
  return out;
}

using Problems = std::vector<std::string>;

TEST(AbiGrowth, HeadersOfEachReleaseAreAPrefix) {
  const Declarations current = headers_below(kSdk / "include");
  int releases = 0;
  for (const auto& release : fs::directory_iterator(kSdk / "abi/museum")) {
    if (!fs::is_directory(release.path() / "include")) continue;  // made from those of today
    const Declarations then = headers_below(release.path() / "include");
    EXPECT_GT(then.size(), 80u) << release.path();
    EXPECT_EQ(broken_promises(then, current), Problems{}) << release.path();
    ++releases;
  }
  EXPECT_GE(releases, 1);
}

TEST(AbiGrowth, LayoutOfEachReleaseIsAPrefix) {
  const std::string current = layout_now();
  int releases = 0;
  for (const auto& file : fs::directory_iterator(kSdk / "abi"))
    if (file.path().extension() == ".json") {
      EXPECT_EQ(broken_layouts(*read_file(file.path().string()), current), Problems{})
          << file.path();
      ++releases;
    }
  EXPECT_GE(releases, 1);
}

TEST(AbiGrowth, TheGatesTellGrowthFromChange) {
  const auto then = declarations_of(
      "#define SKEP_X 1 /* one */\ntypedef struct a {\n  int x;\n  int (*f)(int);\n} a;");
  const auto problems = [&](const char* now) {
    return broken_promises(then, declarations_of(now));
  };
  EXPECT_EQ(problems("#define SKEP_X 1\nstruct a { int x; int (*f)(int); int y; };"), Problems{});
  EXPECT_EQ(problems("#define SKEP_X 2\nstruct a { int x; int (*f)(int); };").size(), 1u);
  EXPECT_EQ(problems("#define SKEP_X 1\nstruct a { int x; int (*f)(long); };").size(), 1u);
  EXPECT_EQ(problems("#define SKEP_X 1\nstruct a { int y; int x; int (*f)(int); };").size(), 1u);
  EXPECT_EQ(problems("").size(), 2u);

  const char* layout = R"({"a":{"sizeof":8,"x":[0,4],"y":[4,4]}})";
  const auto moved = [&](const char* now) { return broken_layouts(layout, now).size(); };
  EXPECT_EQ(moved(R"({"a":{"sizeof":16,"x":[0,4],"y":[4,4],"z":[8,8]},"b":{"sizeof":1}})"), 0u);
  EXPECT_GT(moved(R"({"a":{"sizeof":8,"y":[0,4],"x":[4,4]}})"), 0u);
  EXPECT_GT(moved(R"({"a":{"sizeof":4,"x":[0,4]}})"), 0u);
  EXPECT_GT(moved(R"({"a":{"sizeof":8,"x":[0,2],"y":[4,4]}})"), 0u);
  EXPECT_GT(moved("{}"), 0u);
}

}  // namespace
}  // namespace skep::test
