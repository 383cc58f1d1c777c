// The registry's files on a worker: DIR/scripts/NAME.lua and DIR/plugins/NAME.so, each with
// NAME.EXT.minisig beside it when it is signed. The folders hold nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/api/desired_releases.hpp"

namespace skep::worker {

/// One writer. Files appear whole, mode 0640; the watchers of the folders load them.
class ReleaseFolder {
 public:
  explicit ReleaseFolder(std::string dir) : dir_(std::move(dir)) {}

  /// Makes the folders (0700).
  Status prepare() const;
  std::string path_of(const api::DesiredRelease& a) const;
  /// The file is there and has just these bytes and this signature. An error when it cannot be
  /// read.
  Result<bool> has(const api::DesiredRelease& a) const;
  /// kCorrupt "hash-mismatch" when `bytes` are not those of `a`: then nothing is changed.
  Status install(const api::DesiredRelease& a, std::string_view bytes) const;
  /// Removes every file that belongs to none of `wanted`; how many releases went.
  Result<std::size_t> keep_only(const std::vector<api::DesiredRelease>& wanted) const;

  /// The newest revision that this folder was made of, over restarts; -1 = none. When it cannot be
  /// read, the largest there is, with a warning: then no empty registry is believed.
  std::int64_t revision() const;
  Status set_revision(std::int64_t revision) const;

 private:
  std::string dir_;
};

/// DIR/plugins or DIR/scripts: what comes first in the plugin and script paths of a worker.
std::string release_path(const std::string& dir, api::ReleaseKind kind);

}  // namespace skep::worker
