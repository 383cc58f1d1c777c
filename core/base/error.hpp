// Errors of the core: one code list, shared with the plugin ABI, and one table that says what a
// code means to HTTP, to the shell and to a retry loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skep {

/// Same numbers as SKEP_E_* in skep/abi/base.h; a test compares them.
enum class Code : std::int32_t {
  kCancelled = -1,
  kDeadline = -2,
  kInvalid = -3,
  kNotFound = -4,
  kUnsupported = -5,
  kBusy = -6,
  kUnavailable = -7,
  kDenied = -8,
  kConfig = -9,
  kState = -10,
  kNoMemory = -11,
  kCorrupt = -12,
  kInternal = -13,
  kFailed = -14,
  kNotHere = -15,
};

/// What went wrong, for people and programs. `name` is a stable id such as "unknown-task-type";
/// empty means the code's own name. `next` is the command or step that helps, or empty.
struct [[nodiscard]] Error {
  Code code = Code::kInternal;
  std::string message;
  std::string name{};
  std::string next{};
  std::chrono::milliseconds retry_after{0};

  /// The same error with what was being done in front: "open queue.db: <message>".
  Error within(std::string_view doing) const&;
  Error with_next(std::string next_step) &&;
  Error named(std::string error_name) &&;
  std::string_view id() const;
  /// The message, and the next step on a line of its own.
  std::string with_advice() const;
};

struct CodeInfo {
  Code code;
  std::string_view name;  ///< "not-found"
  int http_status;        ///< status of a response that carries it
  int exit_code;          ///< exit code of a command that ends with it
  bool retryable;         ///< the same request may succeed later
};

/// The row of `code`; unknown numbers get the row of kInternal. [any]
const CodeInfo& info(Code code);
inline bool is_retryable(Code code) { return info(code).retryable; }
Code code_from_abi(std::int32_t rc);
/// The code that is called so, or nothing.
std::optional<Code> code_named(std::string_view name);

Error invalid(std::string message);
Error not_found(std::string_view what, std::string_view id);
Error unavailable(std::string message);
Error internal_error(std::string message);
Error config_error(std::string message);
/// "doing: strerror (errno)"; ENOSPC and EDQUOT become kNoMemory, EACCES kDenied, ENOENT kNotFound.
Error errno_error(std::string_view doing, int error_number);

}  // namespace skep
