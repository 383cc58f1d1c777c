#include "core/base/folder_watch.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/temp_dir.hpp"

namespace skep {
namespace {

constexpr Millis kPatience{120'000};
constexpr Millis kNoSettle{0};

void write_file(const std::string& path) { std::ofstream(path) << "x"; }

TEST(FolderWatch, names_a_file_that_was_written_and_one_that_went) {
  const test::TempDir dir;
  FolderWatch watch({dir.path()});
  write_file(dir.file("a.lua"));
  EXPECT_EQ(watch.wait(kPatience, kNoSettle, {}).paths, std::vector{dir.file("a.lua")});
  std::filesystem::remove(dir.file("a.lua"));
  EXPECT_EQ(watch.wait(kPatience, kNoSettle, {}).paths, std::vector{dir.file("a.lua")});
}

TEST(FolderWatch, a_rename_into_the_folder_is_one_change) {
  const test::TempDir dir;
  const test::TempDir other;
  FolderWatch watch({dir.path()});
  write_file(other.file("a"));
  std::filesystem::rename(other.file("a"), dir.file("b"));
  EXPECT_EQ(watch.wait(kPatience, kNoSettle, {}).paths, std::vector{dir.file("b")});
}

TEST(FolderWatch, a_link_into_the_folder_is_a_change) {
  const test::TempDir dir;
  const test::TempDir other;
  FolderWatch watch({dir.path()});
  write_file(other.file("a"));
  std::filesystem::create_hard_link(other.file("a"), dir.file("hard"));
  EXPECT_EQ(watch.wait(kPatience, kNoSettle, {}).paths, std::vector{dir.file("hard")});
  std::filesystem::create_symlink(other.file("a"), dir.file("soft"));
  EXPECT_EQ(watch.wait(kPatience, kNoSettle, {}).paths, std::vector{dir.file("soft")});
}

TEST(FolderWatch, a_folder_that_appears_later_is_looked_at_as_a_whole) {
  const test::TempDir dir;
  FolderWatch watch({dir.file("later")});
  std::filesystem::create_directory(dir.file("later"));
  EXPECT_TRUE(watch.wait(kPatience, kNoSettle, {}).overflow);
  write_file(dir.file("later/a"));
  EXPECT_EQ(watch.wait(kPatience, kNoSettle, {}).paths, std::vector{dir.file("later/a")});
}

TEST(FolderWatch, two_names_of_one_folder_both_count) {
  const test::TempDir dir;
  std::filesystem::create_directory(dir.file("real"));
  std::filesystem::create_directory_symlink(dir.file("real"), dir.file("link"));
  FolderWatch watch({dir.file("real"), dir.file("link")});
  EXPECT_FALSE(watch.wait(Millis{50}, kNoSettle, {}).any()) << "nothing happened";
  write_file(dir.file("real/a"));
  const auto changes = watch.wait(kPatience, kNoSettle, {});
  EXPECT_FALSE(changes.overflow);
  EXPECT_EQ(changes.paths, (std::vector{dir.file("link/a"), dir.file("real/a")}));
}

TEST(FolderWatch, a_folder_that_is_replaced_is_watched_again) {
  const test::TempDir dir;
  const std::string folder = dir.file("scripts");
  std::filesystem::create_directory(folder);
  FolderWatch watch({folder});
  std::filesystem::remove(folder);
  EXPECT_TRUE(watch.wait(kPatience, kNoSettle, {}).overflow);
  std::filesystem::create_directory(folder);
  EXPECT_TRUE(watch.wait(kPatience, kNoSettle, {}).overflow);
  write_file(folder + "/a");
  EXPECT_EQ(watch.wait(kPatience, kNoSettle, {}).paths, std::vector{folder + "/a"});
}

TEST(FolderWatch, says_that_a_mode_changed_of_a_file_or_of_the_folder) {
  const test::TempDir dir;
  write_file(dir.file("a"));
  FolderWatch watch({dir.path()});
  for (const std::string& path : {dir.file("a"), dir.path()}) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    const auto changes = watch.wait(kPatience, kNoSettle, {});
    EXPECT_TRUE(changes.access) << path;
    EXPECT_TRUE(changes.paths.empty()) << "nothing was written";
  }
}

TEST(FolderWatch, ends_when_it_is_woken_or_stopped) {
  const test::TempDir dir;
  FolderWatch watch({dir.path()});
  watch.wake();
  EXPECT_FALSE(watch.wait(kPatience, kNoSettle, {}).any());
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(watch.wait(kPatience, kNoSettle, stop.get_token()).any());
  stopper.join();
}

}  // namespace
}  // namespace skep
