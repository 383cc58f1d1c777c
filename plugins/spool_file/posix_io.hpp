// File operations of the spool: durable writes and reads that no hostile entry can trap.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skep/plugin.hpp"

namespace spool {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// "doing: strerror"; no room becomes NO_MEMORY, everything else UNAVAILABLE.
skep::Fault io_fault(const std::string& doing, int error_number);

/// Opens the folder `name` below `parent` (AT_FDCWD: a path), making it with mode 0700 when
/// missing.
Fd open_folder(int parent, const std::string& name);

/// Creates `name` in `dir` and makes its bytes durable (not yet its name). After any error the file
/// is unlinked; a descriptor whose fsync failed is never synced again.
void write_new(int dir, const std::string& name, std::string_view bytes);
void sync_folder(int dir, const std::string& what);
/// Overwrites a descriptor's file from its start; not made durable.
void rewrite(int fd, std::string_view bytes);

struct Read {
  enum class Kind {
    kOk,
    kGone,
    kBad,     ///< what was read, or the entry itself, proves that it is no sound item
    kUnread,  ///< an error number, which says nothing about what is in there
  };
  Kind kind = Kind::kUnread;
  std::string bytes{};
  std::string reason{};  ///< kBad, kUnread
  int error_number = 0;  ///< kUnread
};
/// Reads a regular file of at most `cap` bytes: follows no link, waits for no FIFO.
Read read_regular(int dir, const std::string& name, std::size_t cap);

/// Names in the folder, without "." and "..".
std::vector<std::string> list_folder(int dir);
/// Nothing when there is no such entry.
std::optional<struct stat> stat_entry(int dir, const std::string& name);
/// The process or the system is out of something: the next file would fare no better.
bool is_shortage(int error_number);
/// Renames without replacing; false when the target exists.
bool rename_new(int from_dir, const std::string& from, int to_dir, const std::string& to);
/// Control characters and bytes beyond ASCII as '?', for messages.
std::string printable(std::string_view name);

}  // namespace spool
