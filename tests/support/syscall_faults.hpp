// System calls that fail when a test says so, and what was called in which order. For programs
// linked with skep_syscall_faults, whose own calls and those of the static libraries in them go
// through here; the C library's do not.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace skep::test {

/// Asked before each call with the call's name ("openat", "read", "fstat", "fstatat", "fsync",
/// "fdatasync", "rename", "renameat2", "unlinkat", "readdir") and the last part of the path that it
/// is about; the error number that it fails with instead, 0 = it is made. May run on any thread.
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

/// Writes down the durable steps that are made while it lives: what syncs, renames and unlinks. In
/// place of FailingSyscalls.
class RecordedSteps {
 public:
  RecordedSteps();
  /// Those since the last take(), in order: "fsync .batch".
  std::vector<std::string> take();

 private:
  std::vector<std::string> steps_;
  FailingSyscalls recording_;
};

}  // namespace skep::test
