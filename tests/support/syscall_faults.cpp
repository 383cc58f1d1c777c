#include "tests/support/syscall_faults.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <mutex>
#include <utility>

namespace skep::test {
namespace {

std::mutex mutex;
SyscallFault fault;

constexpr std::array<std::string_view, 5> kDurable{"fsync", "fdatasync", "rename", "renameat2",
                                                   "unlinkat"};

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

/// True when the call is to fail; errno says how.
bool fails_now(std::string_view call, std::string_view path) {
  const std::scoped_lock lock(mutex);
  const int error_number = fault ? fault(call, last_part(path)) : 0;
  if (error_number != 0) errno = error_number;
  return error_number != 0;
}

std::string path_of(int fd) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t n = ::readlink(link.c_str(), path.data(), path.size());
  return {path.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
}

}  // namespace

FailingSyscalls::FailingSyscalls(SyscallFault f) {
  const std::scoped_lock lock(mutex);
  fault = std::move(f);
}

FailingSyscalls::~FailingSyscalls() {
  const std::scoped_lock lock(mutex);
  fault = {};
}

SyscallFault fails(std::string call, std::string suffix, int error_number) {
  return [=](std::string_view made, std::string_view name) {
    return made == call && name.ends_with(suffix) ? error_number : 0;
  };
}

RecordedSteps::RecordedSteps()
    : recording_([this](std::string_view call, std::string_view name) {
        if (std::find(kDurable.begin(), kDurable.end(), call) != kDurable.end())
          steps_.push_back(std::string(call) + " " + std::string(name));
        return 0;
      }) {}

std::vector<std::string> RecordedSteps::take() {
  const std::scoped_lock lock(mutex);
  return std::exchange(steps_, {});
}

}  // namespace skep::test

// The linker sends every call here (--wrap).
extern "C" {
int __real_openat(int dir, const char* path, int flags, ...);
ssize_t __real_read(int fd, void* to, size_t n);
int __real_fstat(int fd, struct stat* st);
int __real_fstatat(int dir, const char* path, struct stat* st, int flags);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_rename(const char* from, const char* to);
int __real_renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags);
int __real_unlinkat(int dir, const char* path, int flags);
dirent* __real_readdir(DIR* stream);

int __wrap_openat(int dir, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : mode_t{0};
  va_end(more);
  return skep::test::fails_now("openat", path) ? -1 : __real_openat(dir, path, flags, mode);
}
ssize_t __wrap_read(int fd, void* to, size_t n) {
  return skep::test::fails_now("read", skep::test::path_of(fd)) ? -1 : __real_read(fd, to, n);
}
int __wrap_fstat(int fd, struct stat* st) {
  return skep::test::fails_now("fstat", skep::test::path_of(fd)) ? -1 : __real_fstat(fd, st);
}
int __wrap_fstatat(int dir, const char* path, struct stat* st, int flags) {
  return skep::test::fails_now("fstatat", path) ? -1 : __real_fstatat(dir, path, st, flags);
}
int __wrap_fsync(int fd) {
  return skep::test::fails_now("fsync", skep::test::path_of(fd)) ? -1 : __real_fsync(fd);
}
int __wrap_fdatasync(int fd) {
  return skep::test::fails_now("fdatasync", skep::test::path_of(fd)) ? -1 : __real_fdatasync(fd);
}
int __wrap_rename(const char* from, const char* to) {
  return skep::test::fails_now("rename", from) ? -1 : __real_rename(from, to);
}
int __wrap_renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  return skep::test::fails_now("renameat2", from)
             ? -1
             : __real_renameat2(from_dir, from, to_dir, to, flags);
}
int __wrap_unlinkat(int dir, const char* path, int flags) {
  return skep::test::fails_now("unlinkat", path) ? -1 : __real_unlinkat(dir, path, flags);
}
dirent* __wrap_readdir(DIR* stream) {
  return skep::test::fails_now("readdir", skep::test::path_of(::dirfd(stream)))
             ? nullptr
             : __real_readdir(stream);
}
}
