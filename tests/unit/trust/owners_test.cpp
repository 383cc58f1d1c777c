// Files and folders that others may write.
#include <unistd.h>

#include "core/trust/owners.hpp"
#include "tests/unit/trust/support.hpp"

namespace skep::trust {
namespace {

using OwnersTest = TrustTest;

std::string next_of(const std::string& file) {
  const Status status = check_writers(file);
  return status ? "fine" : status.error().next;
}

TEST_F(OwnersTest, what_others_may_write_is_refused_with_the_command_that_helps) {
  EXPECT_EQ(next_of(file), "fine");
  ASSERT_EQ(::chmod(file.c_str(), 0664), 0);
  EXPECT_EQ(next_of(file), "chmod g-w " + file);
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  EXPECT_EQ(next_of(file), "chmod go-w " + file);
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  ASSERT_EQ(::chmod(dir.path().c_str(), 0770), 0);
  EXPECT_EQ(next_of(file), "chmod g-w " + dir.path());
  require(true, false);
  lock(pin());
  expect_refused(outcome(), {"writers", "may write"});
}

TEST_F(OwnersTest, a_folder_further_up_counts_unless_it_is_sticky) {
  const std::string inner = dir.file("a/b");
  fs::create_directories(inner);
  write_text(inner + "/x.so", "x");
  ASSERT_EQ(::chmod(dir.file("a").c_str(), 0777), 0);
  EXPECT_EQ(next_of(inner + "/x.so"), "chmod go-w " + dir.file("a"));
  ASSERT_EQ(::chmod(dir.file("a").c_str(), 01777), 0);
  EXPECT_EQ(next_of(inner + "/x.so"), "fine");
}

TEST_F(OwnersTest, the_target_of_a_linked_folder_counts) {
  fs::create_directories(dir.file("real"));
  write_text(dir.file("real/x.so"), "x");
  fs::create_directory_symlink(dir.file("real"), dir.file("link"));
  EXPECT_EQ(next_of(dir.file("link/x.so")), "fine");
  ASSERT_EQ(::chmod(dir.file("real").c_str(), 0777), 0);
  EXPECT_EQ(next_of(dir.file("link/x.so")), "chmod go-w " + dir.file("real"));
}

TEST_F(OwnersTest, foreign_owners_are_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown(file.c_str(), 12345, 12345), 0);
  EXPECT_EQ(next_of(file), "chown 0 " + file);
}

TEST_F(OwnersTest, without_a_policy_a_plugin_of_another_user_is_refused_and_a_script_is_not) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown(file.c_str(), 12345, 12345), 0);
  expect_refused(outcome(), {"is owned by uid 12345", "chown 0 "});
  ASSERT_EQ(::chown(file.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(dir.path().c_str(), 12345, 12345), 0);
  expect_refused(outcome(), {"is owned by uid 12345", "chown 0 "});
  Candidate script = candidate();
  script.abi = "lua";
  EXPECT_EQ(outcome(script), "admitted");
}

TEST_F(OwnersTest, a_folder_that_everybody_may_write_is_refused_though_it_is_sticky) {
  ASSERT_EQ(::chmod(dir.path().c_str(), 01777), 0);
  EXPECT_EQ(next_of(file), "chmod go-w " + dir.path());
}

TEST_F(OwnersTest, without_a_policy_only_an_open_folder_is_refused) {
  ASSERT_EQ(::chmod(dir.path().c_str(), 0770), 0);
  EXPECT_EQ(outcome(), "admitted");
  ASSERT_EQ(::chmod(dir.path().c_str(), 01777), 0);
  expect_refused(outcome(), {"everybody may write the folder", "chmod o-w"});
}

}  // namespace
}  // namespace skep::trust
