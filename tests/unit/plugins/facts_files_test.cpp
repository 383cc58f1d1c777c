// Files in the formats of the kernel and of distributions.
#include <gtest/gtest.h>

#include <map>

#include "mountinfo.hpp"
#include "os_release.hpp"

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

}  // namespace
}  // namespace skep::facts
