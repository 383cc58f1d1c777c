// File systems that never answer, made of a bare /dev/fuse, and small local ones.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

namespace skep::test {

/// Mounts are this program's alone, so that nobody else's df hangs. Before there are threads: each
/// has its own view otherwise.
inline const bool g_private_mounts =
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
  explicit LocalMount(const std::string& point, const char* device = "inner") : point_(point) {
    std::filesystem::create_directory(point);
    mounted_ = g_private_mounts && mount(device, point.c_str(), "tmpfs", 0, nullptr) == 0;
  }
  ~LocalMount() {
    if (mounted_) umount2(point_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string point_;
  bool mounted_ = false;
};

}  // namespace skep::test
