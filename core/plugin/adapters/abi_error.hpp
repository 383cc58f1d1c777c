// Errors that cross the plugin ABI, as the core's Error.
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "core/base/error.hpp"
#include "core/base/result.hpp"
#include "core/plugin/view.hpp"
#include "skep/abi/base.h"

namespace skep::plugin {

/// The message of a failed call; a plugin that gave none gets one.
inline Error error_from(skep_rc rc, const skep_err& err) {
  Error error;
  error.code = code_from_abi(rc);
  error.message = err.n > 0
                      ? std::string(err.text, std::min(err.n, err.cap))
                      : "the plugin failed without a message (code " + std::to_string(rc) + ")";
  error.retry_after = std::chrono::milliseconds(err.retry_ms);
  return error;
}

/// Where a plugin writes its message.
class ErrBuffer {
 public:
  ErrBuffer() = default;
  ErrBuffer(const ErrBuffer&) = delete;
  ErrBuffer& operator=(const ErrBuffer&) = delete;
  skep_err* out() { return &err_; }
  Status status(skep_rc rc) const {
    if (rc < 0) return error_from(rc, err_);
    return {};
  }

 private:
  std::array<char, 1024> text_{};
  skep_err err_{sizeof(skep_err), 0, static_cast<std::uint32_t>(text_.size()), 0, text_.data()};
};

}  // namespace skep::plugin
