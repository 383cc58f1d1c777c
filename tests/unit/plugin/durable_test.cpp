// In which order small files become durable: no test can cut the power, but the calls are known.
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include "core/base/file.hpp"
#include "core/plugin/services/kv_space.hpp"
#include "tests/support/syscall_faults.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::plugin {
namespace {

using test::FailingSyscalls;
using test::fails;
using test::RecordedSteps;
using test::TempDir;
using Steps = std::vector<std::string>;

/// A temporary value by what it is.
Steps plain(const Steps& steps) {
  Steps out;
  for (const std::string& step : steps) out.push_back(step.substr(0, step.find('~')));
  return out;
}

class Durable : public testing::Test {
 protected:
  KvSpace space() const { return KvSpace::open(dir_.path(), "acme").value(); }
  std::string folder() const { return std::filesystem::path(dir_.path()).filename().string(); }
  TempDir dir_;
};

TEST_F(Durable, a_kv_value_is_on_disk_before_it_takes_its_name_and_then_its_name_is) {
  ASSERT_TRUE(space().put("k", "old"));
  RecordedSteps steps;
  ASSERT_TRUE(space().put("k", "new"));
  EXPECT_EQ(plain(steps.take()), (Steps{"fdatasync ", "rename ", "fsync acme"}));
  ASSERT_TRUE(space().remove("k"));
  EXPECT_EQ(steps.take(), (Steps{"fsync acme"})) << "it does not come back";
}

TEST_F(Durable, a_new_kv_space_is_on_disk_before_its_first_value) {
  RecordedSteps steps;
  ASSERT_TRUE(space().put("k", "v"));
  EXPECT_EQ(plain(steps.take()),
            (Steps{"fsync kv", "fsync " + folder(), "fdatasync ", "rename ", "fsync acme"}));
}

TEST_F(Durable, a_kv_value_that_cannot_be_synced_is_refused) {
  ASSERT_TRUE(space().put("k", "old"));
  {
    const FailingSyscalls failing(
        [](std::string_view call, std::string_view) { return call == "fdatasync" ? EIO : 0; });
    EXPECT_FALSE(space().put("k", "new"));
  }
  EXPECT_EQ(space().get("k").value(), "old");
  const FailingSyscalls failing(fails("fsync", "acme", EIO));
  EXPECT_FALSE(space().put("k", "new")) << "a power cut may bring the old one back";
  EXPECT_FALSE(space().remove("k"));
}

TEST_F(Durable, a_replaced_file_is_on_disk_before_it_takes_its_name_and_then_its_name_is) {
  RecordedSteps steps;
  ASSERT_TRUE(replace_file(dir_.file("f"), "bytes", 0600));
  EXPECT_EQ(steps.take(), (Steps{"fsync .f.tmp", "rename .f.tmp", "fsync " + folder()}));
}

TEST_F(Durable, a_new_file_is_on_disk_with_its_name) {
  RecordedSteps steps;
  ASSERT_TRUE(create_file(dir_.file("f"), "bytes", 0600));
  EXPECT_EQ(steps.take(), (Steps{"fsync f", "fsync " + folder()}));
}

TEST_F(Durable, a_file_that_cannot_be_synced_is_refused) {
  for (const std::string& name : {std::string(".tmp"), folder()}) {
    const FailingSyscalls failing(fails("fsync", name, EIO));
    EXPECT_FALSE(replace_file(dir_.file("f"), "bytes", 0600)) << name;
  }
  const FailingSyscalls failing(fails("fsync", folder(), EIO));
  EXPECT_FALSE(create_file(dir_.file("new"), "bytes", 0600));
}

}  // namespace
}  // namespace skep::plugin
