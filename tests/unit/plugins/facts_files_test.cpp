// Files in the formats of the kernel and of distributions.
#include <gtest/gtest.h>

#include <map>

#include "cgroup.hpp"
#include "mountinfo.hpp"
#include "os_release.hpp"
#include "tests/unit/proc/support.hpp"

namespace skep::facts {
namespace {

TEST(Mountinfo, keeps_its_columns_when_a_device_has_no_name) {
  const auto mounts = read_mountinfo("40 30 0:44 / /mnt rw,relatime - tmpfs  rw,size=1024k\n");
  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0].type, "tmpfs");
  EXPECT_EQ(mounts[0].device, "");
  EXPECT_EQ(mounts[0].super_options, "rw,size=1024k");
}

TEST(Mountinfo, reads_escapes_and_any_number_of_optional_fields) {
  const auto mounts = read_mountinfo(
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "no such line\n"
      "2 1 0:9 /a\\040b /c\\011d\\134 ro shared:1 master:2 - fuse.x a\\040- rw\n");
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0].device, "/dev/sda1");
  EXPECT_EQ(mounts[1].root, "/a b");
  EXPECT_EQ(mounts[1].point, "/c\td\\");
  EXPECT_EQ(mounts[1].options, "ro");
  EXPECT_EQ(mounts[1].type, "fuse.x");
  EXPECT_EQ(mounts[1].device, "a -");
}

TEST(Mountinfo, the_way_from_a_folder_goes_by_whole_names) {
  EXPECT_EQ(way_from("/a", "/a/b/c"), "/b/c");
  EXPECT_EQ(way_from("/", "/a"), "/a");
  EXPECT_EQ(way_from("/a", "/a"), "");
  EXPECT_EQ(way_from("/", "/"), "");
  EXPECT_EQ(way_from("/a", "/ab"), std::nullopt);
  EXPECT_EQ(way_from("/a/b", "/a"), std::nullopt);
}

std::map<std::string, std::string> release(std::string_view text) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : read_os_release(text)) out[std::string(key)] = value;
  return out;
}

TEST(OsRelease, is_read_as_a_shell_reads_it) {
  const auto r = release(R"(# NAME="comment"
ID=debian
NAME="Say \"hi\" for \$5 \\ \` \n"
VERSION='12 "$x" \n'
VERSION_ID=12\ beta
PRETTY_NAME="Debian "'GNU/Linux'
VARIANT_ID=
)");
  EXPECT_EQ(r.at("ID"), "debian");
  EXPECT_EQ(r.at("NAME"), "Say \"hi\" for $5 \\ ` \\n");
  EXPECT_EQ(r.at("VERSION"), "12 \"$x\" \\n");
  EXPECT_EQ(r.at("VERSION_ID"), "12 beta");
  EXPECT_EQ(r.at("PRETTY_NAME"), "Debian GNU/Linux");
  EXPECT_EQ(r.at("VARIANT_ID"), "");
  EXPECT_EQ(r.size(), 6u);
}

TEST(OsRelease, may_follow_a_byte_order_mark_and_end_its_lines_as_windows_does) {
  const auto r = release("\xef\xbb\xbfID=\"debian\"\r\nNAME='x'\r\n");
  EXPECT_EQ(r.at("ID"), "debian");
  EXPECT_EQ(r.at("NAME"), "x");
}

/// What a kernel would show of our groups.
class Groups {
 public:
  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::string root() const { return dir_.path(); }
  CgroupLimits limits() const { return cgroup_limits(root()); }

 private:
  proc::TempDir dir_;
};

constexpr const char* kV2 = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
const std::string kTop = "/sys/fs/cgroup";

TEST(Cgroup, limits_are_the_tightest_of_our_group_and_those_around_it) {
  const Groups g;
  g.write("/proc/self/mountinfo", kV2);
  g.write("/proc/self/cgroup", "0::/system.slice/skep.service\n");
  g.write(kTop + "/system.slice/memory.max", "314572800\n");
  g.write(kTop + "/system.slice/cpu.max", "max 100000\n");
  g.write(kTop + "/system.slice/skep.service/memory.max", "1073741824\n");
  g.write(kTop + "/system.slice/skep.service/cpu.max", "150000 100000\n");
  EXPECT_EQ(g.limits().memory_bytes, 314'572'800);
  EXPECT_EQ(g.limits().cpu_cores, 1.5);
}

TEST(Cgroup, limits_that_nobody_set_are_none) {
  const Groups g;
  EXPECT_EQ(g.limits().memory_bytes, std::nullopt);
  g.write("/proc/self/mountinfo", kV2);
  g.write("/proc/self/cgroup", "0::/a\n");
  g.write(kTop + "/a/memory.max", "max\n");
  g.write(kTop + "/a/cpu.max", "max 100000\n");
  g.write(kTop + "/other/memory.max", "1\n");
  EXPECT_EQ(g.limits().memory_bytes, std::nullopt);
  EXPECT_EQ(g.limits().cpu_cores, std::nullopt);
}

TEST(Cgroup, of_version_one_has_a_mount_for_each_controller) {
  const Groups g;
  g.write("/proc/self/mountinfo",
          "31 30 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
          "32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
          "33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  g.write("/proc/self/cgroup", "5:memory:/m:x\n4:cpu,cpuacct:/c\n1:name=systemd:/s\n0::/\n");
  g.write(kTop + "/memory/memory.limit_in_bytes", "9223372036854771712\n");
  g.write(kTop + "/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  g.write(kTop + "/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(g.limits().memory_bytes, std::nullopt);
  EXPECT_EQ(g.limits().cpu_cores, std::nullopt);
  g.write(kTop + "/memory/m:x/memory.limit_in_bytes", "314572800\n");
  g.write(kTop + "/cpu,cpuacct/c/cpu.cfs_quota_us", "50000\n");
  g.write(kTop + "/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(g.limits().memory_bytes, 314'572'800);
  EXPECT_EQ(g.limits().cpu_cores, 0.5);
}

// The mount shows the container's own group as its root, /proc the name that it has outside.
TEST(Cgroup, of_a_container_is_the_root_of_its_mount) {
  const Groups g;
  for (const std::string group : {"0::/docker/abc", "0::/", "0::/../abc", "0::/docker/other"}) {
    g.write("/proc/self/mountinfo",
            "30 24 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n");
    g.write("/proc/self/cgroup", group + "\n");
    g.write(kTop + "/memory.max", "1000000\n");
    EXPECT_EQ(g.limits().memory_bytes, 1'000'000) << group;
  }
  g.write("/proc/self/cgroup", "0::/docker/abc/inner\n");
  g.write(kTop + "/inner/memory.max", "500000\n");
  EXPECT_EQ(g.limits().memory_bytes, 500'000);
}

TEST(Cgroup, whose_name_only_begins_like_another_is_another) {
  const Groups g;
  g.write("/proc/self/mountinfo", kV2);
  g.write("/proc/self/cgroup", "0::/..a\n");
  g.write(kTop + "/..a/memory.max", "500000\n");
  EXPECT_EQ(g.limits().memory_bytes, 500'000) << "it lies in the mount, not above it";
  g.write("/proc/self/mountinfo", "30 24 0:26 /a /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n");
  g.write("/proc/self/cgroup", "0::/ab/c\n");
  g.write(kTop + "/b/c/memory.max", "1000\n");
  EXPECT_EQ(g.limits().memory_bytes, std::nullopt);
}

}  // namespace
}  // namespace skep::facts
