#include "core/plugin/stage.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "core/base/id.hpp"
#include "core/plugin/loader.hpp"
#include "tests/unit/plugin/support.hpp"

namespace skep::plugin {
namespace {

std::size_t entries_in(const std::string& dir) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
}

TEST(Stage, copies_under_the_digest_of_what_it_copied) {
  const TempDir dir;
  const std::string source = fixture("good/noop.so");
  auto area = StagingArea::open(dir.file("staging"));
  ASSERT_TRUE(area) << area.error().message;
  const auto staged = area->stage(source, "noop");
  ASSERT_TRUE(staged) << staged.error().message;
  EXPECT_EQ(staged->sha256, sha256_hex(bytes_of(source)));
  EXPECT_EQ(fs::path(staged->path).filename(), "noop.1." + staged->sha256.substr(0, 12) + ".so");
  EXPECT_EQ(bytes_of(staged->path), bytes_of(source));
  struct stat st {};
  ASSERT_EQ(::stat(area->dir().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat(staged->path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0500u);
}

TEST(Stage, same_id_with_other_content_is_another_file) {
  const TempDir dir;
  auto area = StagingArea::open(dir.file("staging"));
  ASSERT_TRUE(area) << area.error().message;
  const std::string noop = bytes_of(fixture("good/noop.so"));
  for (int i = 0; i < 10; ++i) {
    write_bytes(dir.file("noop.so"),
                patched(noop, "\"1.0.0\"", "\"1.0." + std::to_string(i) + "\""));
    const auto staged = area->stage(dir.file("noop.so"), "noop");
    ASSERT_TRUE(staged) << staged.error().message;
    const auto table = load_library(*staged);  // checks that the linker took this very file
    ASSERT_TRUE(table) << table.error().message;
  }
  EXPECT_EQ(entries_in(area->dir()), 10u);
}

TEST(Stage, same_content_twice_is_one_file) {
  const TempDir dir;
  auto area = StagingArea::open(dir.file("staging"));
  ASSERT_TRUE(area);
  ASSERT_TRUE(area->stage(fixture("good/noop.so"), "noop"));
  ASSERT_TRUE(area->stage(fixture("good/noop.so"), "noop"));
  EXPECT_EQ(entries_in(area->dir()), 1u);
}

TEST(Stage, makes_its_folder_again_when_somebody_removed_it) {
  const TempDir dir;
  auto area = StagingArea::open(dir.file("staging"));
  ASSERT_TRUE(area);
  std::filesystem::remove_all(dir.file("staging"));
  EXPECT_TRUE(area->stage(fixture("good/noop.so"), "noop"));
  EXPECT_EQ(std::filesystem::status(area->dir()).permissions(), std::filesystem::perms::owner_all);
}

TEST(Stage, keeps_bytes_and_puts_back_only_what_is_gone) {
  const TempDir dir;
  auto area = StagingArea::open(dir.file("staging"));
  ASSERT_TRUE(area);
  const auto staged = area->stage(fixture("good/noop.so"), "noop");
  ASSERT_TRUE(staged);
  const KeptCopy kept(*staged);
  std::filesystem::remove_all(dir.file("staging"));
  EXPECT_TRUE(kept.put_back());
  EXPECT_TRUE(verify_staged(*staged));
  std::filesystem::remove(staged->path);
  std::ofstream(staged->path) << "other bytes";
  EXPECT_TRUE(kept.put_back());
  EXPECT_EQ(verify_staged(*staged).error().id(), kChangedAfterCheck) << "that is for a person";
  // What it held is no longer what was checked.
  Staged other = *staged;
  other.sha256 = std::string(64, '0');
  const KeptCopy changed(other);
  std::filesystem::remove(staged->path);
  const Status refused = changed.put_back();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kNotHere);
  EXPECT_FALSE(std::filesystem::exists(staged->path));
}

TEST(Stage, sees_a_copy_that_was_swapped_before_loading) {
  const TempDir dir;
  auto area = StagingArea::open(dir.file("staging"));
  ASSERT_TRUE(area);
  const auto staged = area->stage(fixture("good/noop.so"), "noop");
  ASSERT_TRUE(staged);
  fs::remove(staged->path);
  fs::copy_file(fixture("good/crash.so"), staged->path);
  const auto table = load_library(*staged);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().id(), "plugin-changed");
  EXPECT_NE(table.error().message.find("was changed after it was checked"), std::string::npos);
}

TEST(Stage, removes_what_ended_runs_left_and_nothing_else) {
  const TempDir dir;
  const std::string staging = dir.file("staging");
  fs::create_directories(staging + "/run-1-dead");
  write_bytes(staging + "/run-1-dead/old.so", "x");
  write_bytes(staging + "/mine.txt", "x");
  auto living = StagingArea::open(staging);
  ASSERT_TRUE(living);
  EXPECT_FALSE(fs::exists(staging + "/run-1-dead"));
  {
    auto second = StagingArea::open(staging);
    ASSERT_TRUE(second);
    EXPECT_TRUE(fs::exists(living->dir()));
    EXPECT_EQ(entries_in(staging), 3u);
  }
  EXPECT_EQ(entries_in(staging), 2u);
}

TEST(Stage, says_that_the_folder_cannot_be_made) {
  const TempDir dir;
  write_bytes(dir.file("file"), "x");
  const auto area = StagingArea::open(dir.file("file/staging"));
  ASSERT_FALSE(area);
  EXPECT_EQ(area.error().id(), "staging-failed");
  EXPECT_NE(area.error().message.find(dir.file("file/staging")), std::string::npos);
  EXPECT_EQ(area.error().next, "make [node] state_dir writable for this user");
}

TEST(Stage, says_that_the_folder_cannot_be_written) {
  const auto area = StagingArea::open("/proc/skep-staging");  // not even root may
  ASSERT_FALSE(area);
  EXPECT_EQ(area.error().id(), "staging-failed");
}

TEST(Inspect, refuses_links_folders_and_files_that_everybody_may_write) {
  const TempDir dir;
  fs::create_symlink(fixture("good/noop.so"), dir.file("link.so"));
  const auto link = inspect(dir.file("link.so"));
  ASSERT_FALSE(link);
  EXPECT_TRUE(link.error().message.starts_with("is a symbolic link"));
  fs::create_directory(dir.file("folder.so"));
  EXPECT_FALSE(inspect(dir.file("folder.so")));
  fs::copy_file(fixture("good/noop.so"), dir.file("open.so"));
  ASSERT_EQ(::chmod((dir.file("open.so")).c_str(), 0646), 0);
  const auto open = inspect(dir.file("open.so"));
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, Code::kDenied);
  EXPECT_EQ(open.error().next, "chmod o-w the file");
  ASSERT_EQ(::chmod((dir.file("open.so")).c_str(), 0664), 0);
  const auto group = inspect(dir.file("open.so"));
  ASSERT_TRUE(group) << group.error().message;
  EXPECT_EQ(group->warning, "its group may write it");
}

}  // namespace
}  // namespace skep::plugin
