// System calls that fail when a test says so. For programs linked with skep_syscall_faults, whose
// own calls and those of the static libraries in them go through here; the C library's do not.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace skep::test {

/// Asked before each call with the call's name ("openat", "read", "fstat", "fstatat", "fsync",
/// "renameat2", "unlinkat", "readdir") and the last part of the path that it is about; the error
/// number that it fails with instead, 0 = it is made. May run on any thread.
using SyscallFault = std::function<int(std::string_view call, std::string_view name)>;

/// In force while it lives; one at a time.
class FailingSyscalls {
 public:
  explicit FailingSyscalls(SyscallFault fault);
  ~FailingSyscalls();
  FailingSyscalls(const FailingSyscalls&) = delete;
  FailingSyscalls& operator=(const FailingSyscalls&) = delete;
};

/// `call` on names that end with `suffix` fails with `error_number`.
SyscallFault fails(std::string call, std::string suffix, int error_number);

}  // namespace skep::test
