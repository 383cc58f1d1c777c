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

struct Folder {
  std::string path;
  Fd root;
  Fd tmp;
  Fd batches;
  Fd lock;
  Aside aside;
  Marker marker;

  /// Makes what is missing, takes the lock, removes unfinished temporary files. Throws STATE naming
  /// the holder when another process has the spool.
  void open(const std::string& dir);
  void close();

  /// Writes the sealed bytes as the final file `name`; sync_folder(root) makes the name durable.
  /// A file of that name that exists already is this item. At most three tries, each a new inode.
  void write_item(const std::string& name, std::string_view sealed);
  /// Writes and syncs a batch file, name included.
  void write_batch(const std::string& file, std::string_view bytes);
  /// Bytes of the disk that an unprivileged process may still use.
  std::uint64_t free_bytes() const;
};

}  // namespace spool
