// Mounts that never answer, and what lies beneath them.
#include "tests/support/hung_mount.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tests/support/fake_host.hpp"
#include "tests/unit/proc/support.hpp"

namespace skep {
namespace {

using test::HungMount;
using test::LocalMount;

Json mount_at(const Json& document, const std::string& point) {
  for (const Json& mount : document["facts"]["mounts"]["mounts"].items())
    if (mount["point"].str() == point) return mount;
  return {};
}

const std::string kFactsManifest = SKEP_PLUGIN_DIR "/plugin.json";
/// What answers does so within that time, however busy the machine is; what hangs takes all of it.
const std::string kParams = R"({"groups":["mounts","load"],"timeout_seconds":10})";

void expect_partial(const Json& document, const std::string& hung) {
  const Json& row = document["collectors"].items().at(0);
  EXPECT_EQ(row["status"].str(), "timeout");
  EXPECT_NE(row["error"].str().find(hung), std::string_view::npos) << row.dump();
  EXPECT_EQ(document["collectors"].items().at(1)["status"].str(), "ok");
  EXPECT_GT(mount_at(document, "/")["total_bytes"].integer(), 0);
  EXPECT_EQ(mount_at(document, hung)["error"].str(), "the file system did not answer");
  EXPECT_TRUE(mount_at(document, hung)["total_bytes"].is_null());
}

TEST(HungMountTest, does_not_hang_the_task_and_the_other_facts_arrive) {
  const proc::TempDir dir;
  const HungMount hung(dir.path());
  if (!hung.mounted()) GTEST_SKIP() << "cannot mount a FUSE file system: " << hung.problem();
  test::FakeHost host(skep_plugin_entry_v1(), kFactsManifest);
  const MonoMs start = proc::monotonic_ms();
  const auto r = host.run(kParams);
  EXPECT_EQ(r.rc, SKEP_OK);
  EXPECT_LT(proc::monotonic_ms() - start, 120'000);
  expect_partial(r.json(), dir.path());
}

TEST(HungMountTest, that_holds_its_askers_unkillably_is_left_behind) {
  const proc::TempDir dir;
  HungMount hung(dir.path());
  if (!hung.mounted()) GTEST_SKIP() << "cannot mount a FUSE file system: " << hung.problem();
  hung.swallow_requests();
  std::jthread server([&](std::stop_token stop) {
    while (!stop.stop_requested())
      if (!hung.take_one()) std::this_thread::sleep_for(Millis(1));
  });
  test::FakeHost host(skep_plugin_entry_v1(), kFactsManifest);
  const MonoMs start = proc::monotonic_ms();
  const auto r = host.run(kParams);
  EXPECT_EQ(r.rc, SKEP_OK);
  EXPECT_LT(proc::monotonic_ms() - start, 120'000);
  expect_partial(r.json(), dir.path());
}

TEST(HungMountTest, is_not_touched_on_the_way_to_a_local_mount_beneath_it) {
  const proc::TempDir dir;
  const LocalMount inner(dir.file("inner"));
  if (!inner.mounted()) GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(errno);
  const HungMount hung(dir.path());
  if (!hung.mounted()) GTEST_SKIP() << "cannot mount a FUSE file system: " << hung.problem();
  test::FakeHost host(skep_plugin_entry_v1(), kFactsManifest);
  const auto r = host.run(kParams);
  const Json document = r.json();
  EXPECT_NE(document["collectors"].items().at(0)["error"].str().find(dir.file("inner")),
            std::string_view::npos);
  expect_partial(document, dir.path());
  EXPECT_FALSE(mount_at(document, dir.file("inner"))["error"].is_null());
}

TEST(LocalMountTest, of_a_device_without_a_name_has_a_type_and_a_size) {
  const proc::TempDir dir;
  const LocalMount nameless(dir.file("with space"), "");
  if (!nameless.mounted()) GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(errno);
  test::FakeHost host(skep_plugin_entry_v1(), kFactsManifest);
  const Json mount = mount_at(host.run(kParams).json(), dir.file("with space"));
  EXPECT_EQ(mount["type"].str(), "tmpfs");
  EXPECT_TRUE(mount["device"].is_null()) << mount.dump();
  EXPECT_GT(mount["total_bytes"].integer(), 0);
}

}  // namespace
}  // namespace skep
