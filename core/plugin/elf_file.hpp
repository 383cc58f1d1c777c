// An untrusted file of known size, read by position: every range is checked against the size.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace skep::plugin {

/// The descriptor is borrowed; its offset is neither used nor moved. [any]
class BoundedFile {
 public:
  BoundedFile(int fd, std::uint64_t size) : fd_(fd), size_(size) {}

  std::uint64_t size() const { return size_; }
  bool covers(std::uint64_t offset, std::uint64_t length) const {
    return offset <= size_ && length <= size_ - offset;
  }
  /// Fills `out`; false when the range is not in the file or cannot be read.
  bool read(std::uint64_t offset, void* out, std::size_t length) const {
    if (!covers(offset, length)) return false;
    auto* to = static_cast<char*>(out);
    while (length > 0) {
      const auto n = ::pread(fd_, to, length, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      to += n;
      offset += static_cast<std::uint64_t>(n);
      length -= static_cast<std::size_t>(n);
    }
    return true;
  }

 private:
  int fd_;
  std::uint64_t size_;
};

}  // namespace skep::plugin
