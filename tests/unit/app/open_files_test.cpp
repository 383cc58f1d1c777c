#include "core/app/open_files.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

namespace skep::app {
namespace {

TEST(OpenFiles, are_raised_towards_the_hard_limit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 256;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const std::size_t raised = raise_open_files();
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, std::min<rlim_t>(before.rlim_max, 65'536));
  EXPECT_EQ(raised, after.rlim_cur);
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(OpenFiles, leave_a_reserve_beside_the_connections) {
  EXPECT_EQ(connections_within(1'000, 65'536, 256), 1'000u);
  EXPECT_EQ(connections_within(16'384, 4'096, 256), 3'840u);
  EXPECT_EQ(connections_within(16'384, 1'024, 8'000), 512u);
}

}  // namespace
}  // namespace skep::app
