// The spool's folders and their lock.
#pragma once

#include <string>
#include <string_view>

#include "aside.hpp"
#include "marker.hpp"
#include "posix_io.hpp"

namespace spool {

/// Longest stored item that is read back.
constexpr std::size_t kMaxItemBytes = 32u << 20;

/// Absolute, without "." and "..".
std::string folder_path(const std::string& dir);
/// The folder at the path is missing, or another thing is in its place.
skep::Fault gone(const std::string& path, bool replaced);
/// Bytes of the disk that an unprivileged process may still use. Throws gone(), or what the system
/// says.
std::uint64_t free_bytes(const std::string& path);
/// Makes a small file in the folder and removes it. Throws UNAVAILABLE when that fails.
void try_to_write(const std::string& path);

struct Folder {
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  Fd root;
  Fd tmp;
  Fd batches;
  Fd lock;
  Aside aside;
  Marker marker;

  /// Makes what is missing, takes the lock, removes unfinished temporary files. Throws STATE naming
  /// the holder when another process has the spool.
  void open(const std::string& at);
  void close();
  /// Whether `path` still names what is open: false when it was removed, or moved away, whatever is
  /// there now. An error number that says neither counts as true.
  bool is_at_its_path() const;

  /// Writes the sealed bytes as the final file `name`; sync_folder(root) makes the name durable.
  /// A file of that name that exists already is this item. At most three tries, each a new inode.
  void write_item(const std::string& name, std::string_view sealed);
  /// Writes and syncs a batch file, name included.
  void write_batch(const std::string& file, std::string_view bytes);
};

}  // namespace spool
