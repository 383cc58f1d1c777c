// A file system that never answers, made of a bare /dev/fuse.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "tests/support/fake_host.hpp"
#include "tests/unit/proc/support.hpp"

namespace skep {
namespace {

/// Mounts are this program's alone, so that nobody else's df hangs. Before there are threads: each
/// has its own view otherwise.
const bool g_private_mounts =
    unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;

class HungMount {
 public:
  explicit HungMount(const std::string& point)
      : point_(point), fd_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    const std::string options =
        "fd=" + std::to_string(fd_) + ",rootmode=40000,user_id=0,group_id=0";
    mounted_ = fd_ >= 0 && g_private_mounts &&
               mount("hung", point.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0;
    if (!mounted_) problem_ = std::strerror(errno);
  }
  ~HungMount() {
    close(fd_);  // everybody who waits is answered with an error
    if (mounted_) umount2(point_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  const std::string& problem() const { return problem_; }

  /// Says hello to the kernel and takes every request without an answer: those who asked can then
  /// not even be killed.
  void swallow_requests() {
    std::array<char, 128 << 10> buffer;
    ASSERT_GT(read(fd_, buffer.data(), buffer.size()), 0);
    fuse_in_header hello{};
    std::memcpy(&hello, buffer.data(), sizeof(hello));
    struct {
      fuse_out_header header;
      fuse_init_out body;
    } answer{};
    answer.header.len = sizeof(answer);
    answer.header.unique = hello.unique;
    answer.body.major = FUSE_KERNEL_VERSION;
    answer.body.minor = 31;
    answer.body.max_write = 4096;
    ASSERT_EQ(write(fd_, &answer, sizeof(answer)), static_cast<ssize_t>(sizeof(answer)));
    const int flags = fcntl(fd_, F_GETFL);
    fcntl(fd_, F_SETFL, flags | O_NONBLOCK);
  }
  bool take_one() {
    std::array<char, 128 << 10> buffer;
    return read(fd_, buffer.data(), buffer.size()) > 0;
  }

 private:
  std::string point_;
  int fd_ = -1;
  bool mounted_ = false;
  std::string problem_;
};

class LocalMount {
 public:
  explicit LocalMount(const std::string& point) : point_(point) {
    std::filesystem::create_directory(point);
    mounted_ = g_private_mounts && mount("inner", point.c_str(), "tmpfs", 0, nullptr) == 0;
  }
  ~LocalMount() {
    if (mounted_) umount2(point_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string point_;
  bool mounted_ = false;
};

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

}  // namespace
}  // namespace skep
