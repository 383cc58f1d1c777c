#include "core/base/error.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace skep {
namespace {

constexpr std::array kCodes{
    CodeInfo{Code::kCancelled, "cancelled", 409, 130, false},
    CodeInfo{Code::kDeadline, "deadline", 504, 7, false},
    CodeInfo{Code::kInvalid, "invalid", 400, 2, false},
    CodeInfo{Code::kNotFound, "not-found", 404, 3, false},
    CodeInfo{Code::kUnsupported, "unsupported", 501, 1, false},
    CodeInfo{Code::kBusy, "busy", 503, 8, true},
    CodeInfo{Code::kUnavailable, "unavailable", 503, 8, true},
    CodeInfo{Code::kDenied, "denied", 403, 4, false},
    CodeInfo{Code::kConfig, "config", 422, 78, false},
    CodeInfo{Code::kState, "conflict", 409, 5, false},
    CodeInfo{Code::kNoMemory, "no-space", 507, 1, true},
    CodeInfo{Code::kCorrupt, "corrupt", 500, 1, false},
    CodeInfo{Code::kFailed, "failed", 500, 1, false},
    CodeInfo{Code::kNotHere, "not-here", 503, 8, true},
    CodeInfo{Code::kInternal, "internal", 500, 1, false},
};

}  // namespace

const CodeInfo& info(Code code) {
  for (const CodeInfo& row : kCodes)
    if (row.code == code) return row;
  return kCodes.back();
}

Code code_from_abi(std::int32_t rc) { return info(static_cast<Code>(rc)).code; }

std::optional<Code> code_named(std::string_view name) {
  for (const CodeInfo& row : kCodes)
    if (row.name == name) return row.code;
  return std::nullopt;
}

Error Error::within(std::string_view doing) const& {
  Error out = *this;
  if (!doing.empty()) out.message = std::string(doing) + ": " + message;
  return out;
}

Error Error::with_next(std::string next_step) && {
  next = std::move(next_step);
  return std::move(*this);
}

Error Error::named(std::string error_name) && {
  name = std::move(error_name);
  return std::move(*this);
}

std::string Error::with_advice() const {
  return next.empty() ? message : message + "\n  next: " + next;
}

std::string_view Error::id() const { return name.empty() ? info(code).name : name; }

Error invalid(std::string message) { return {Code::kInvalid, std::move(message)}; }
Error unavailable(std::string message) { return {Code::kUnavailable, std::move(message)}; }
Error internal_error(std::string message) { return {Code::kInternal, std::move(message)}; }
Error config_error(std::string message) { return {Code::kConfig, std::move(message)}; }

Error not_found(std::string_view what, std::string_view id) {
  return {Code::kNotFound, "no " + std::string(what) + " \"" + std::string(id) + "\""};
}

Error errno_error(std::string_view doing, int error_number) {
  const auto code = [&] {
    switch (error_number) {
      case ENOSPC:
      case EDQUOT:
      case ENOMEM:
        return Code::kNoMemory;
      case EACCES:
      case EPERM:
      case EROFS:
        return Code::kDenied;
      case ENOENT:
        return Code::kNotFound;
      case EAGAIN:
      case EBUSY:
        return Code::kBusy;
      default:
        return Code::kInternal;
    }
  }();
  return {code, std::string(doing) + ": " + std::generic_category().message(error_number) +
                    " (errno " + std::to_string(error_number) + ")"};
}

}  // namespace skep
