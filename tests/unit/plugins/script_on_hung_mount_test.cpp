// Scripts and their folders on a mount that never answers.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/support/fake_host.hpp"
#include "tests/support/hung_mount.hpp"
#include "tests/unit/proc/support.hpp"

namespace skep {
namespace {

class ScriptOnHungMount : public testing::Test {
 protected:
  void SetUp() override {
    if (!hung_.mounted()) GTEST_SKIP() << "cannot mount a FUSE file system: " << hung_.problem();
  }
  test::TaskRun run(const Json& params, Millis deadline = Millis(0)) const {
    const Json config = Json::object({{"work_dir", work_.path()}});
    test::FakeHost host(skep_plugin_entry_v1(), SKEP_PLUGIN_DIR "/plugin.json", config.dump());
    return host.run(params.dump(), {.deadline = deadline});
  }
  /// As many tasks as a worker has slots: each ends with its own time, and others go on meanwhile.
  void expect_to_end(const Json& params) const {
    std::vector<std::jthread> slots;
    for (int i = 0; i < 4; ++i)
      slots.emplace_back([&] {
        const test::TaskRun r = run(params, Millis(300));
        EXPECT_EQ(r.rc, SKEP_E_DEADLINE) << r.message;
      });
    EXPECT_EQ(run(Json().set("script", "echo on")).out, "on\n");
  }
  std::string point() const { return point_.path(); }

 private:
  const proc::TempDir point_;
  const proc::TempDir work_;
  const test::HungMount hung_{point_.path()};
};

TEST_F(ScriptOnHungMount, a_working_folder_there_holds_its_own_task_for_its_time) {
  expect_to_end(Json().set("script", "true").set("cwd", point()));
  expect_to_end(Json().set("script", "true").set("cwd", point() + "/inner"));
}

TEST_F(ScriptOnHungMount, a_script_file_there_holds_its_own_task_for_its_time) {
  expect_to_end(Json().set("file", point() + "/x.sh"));
}

}  // namespace
}  // namespace skep
