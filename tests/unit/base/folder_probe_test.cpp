#include "core/base/folder_probe.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/fake_clock.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep {
namespace {

TEST(FolderProbe, says_when_a_folder_is_gone_and_when_it_is_back) {
  const test::TempDir dir;
  test::FakeClock clock;
  FolderProbe probe(dir.file("state"), clock);
  const auto look = [&] {
    clock.advance(Millis{10'000});
    static_cast<void>(probe.trouble());
    probe.await_for_test();
    return probe.trouble();
  };
  EXPECT_NE(look().find("No such file"), std::string::npos);
  std::filesystem::create_directories(dir.file("state"));
  EXPECT_EQ(look(), "");
  EXPECT_TRUE(std::filesystem::is_empty(dir.file("state")));
}

}  // namespace
}  // namespace skep
