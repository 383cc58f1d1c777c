// Contents by their hash, each once, as files of a folder; and those that are on their way.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/artifact_json.hpp"
#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/live.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "core/base/sha256.hpp"

namespace skep::control {

struct BlobLimits {
  std::uint64_t blob_bytes = 4ull << 30;
  std::uint64_t quota_bytes = 0;  ///< of all; 0 = none
  std::uint64_t free_bytes = 0;   ///< of the disk, left for others
  bool operator==(const BlobLimits&) const = default;
};

/// A whole content is DIR/<sha256>; one on its way DIR/<sha256>.part, and what came of it is hashed
/// once, in pieces. Nothing is made before the first byte comes. [any]
class BlobFolder {
 public:
  using Progress = api::BlobProgress;
  struct Blob {
    UniqueFd file;
    std::uint64_t size = 0;
  };
  /// A file of the folder, by how long nobody has asked for it.
  struct Held {
    std::string sha256;
    bool whole = true;
    std::int64_t idle_ms = 0;
    std::uint64_t size = 0;
  };

  BlobFolder(std::string folder, BlobLimits limits);
  ~BlobFolder();
  void set_limits(BlobLimits limits) { limits_.set(limits); }
  /// Sums up what is there; no folder is an empty one.
  Status load();

  /// How much of it is there. Who is told that it is whole may count on it for a day. kBusy while
  /// what an earlier process received is hashed: each question does a piece of that.
  Result<Progress> progress(const std::string& sha256);
  /// Puts `bytes` at `offset`, where the content's next byte is missing, and checks the hash with
  /// the last. Bytes that are there already are passed over; kState "wrong-offset" for a gap.
  /// kInvalid: "too-large", or "hash-mismatch", and then all of it is dropped. kNoMemory: no room,
  /// and what is there stays. With another size than before it is kBusy until that
  /// has got nothing for a minute, and begins anew then. kUnavailable: the disk.
  Result<Progress> append(const std::string& sha256, std::uint64_t size, std::uint64_t offset,
                          std::string_view bytes);
  bool has(const std::string& sha256) const;
  /// kNotFound "artifact-gone" when it is not here.
  Result<Blob> open(const std::string& sha256) const;

  std::vector<Held> held() const;
  /// Removes what nobody has asked for for `idle_ms`; false when somebody has, or uses it.
  bool remove(const Held& what, std::int64_t idle_ms);
  std::uint64_t bytes() const;  ///< of all that is here
  const std::string& folder() const { return folder_; }

 private:
  struct Upload;
  using UploadRef = std::shared_ptr<Upload>;
  std::string path_of(const std::string& sha256) const { return folder_ + "/" + sha256; }
  std::string part_of(const std::string& sha256) const { return path_of(sha256) + ".part"; }
  Result<Progress> whole(const std::string& sha256);
  Result<UploadRef> upload(const std::string& sha256, bool make);
  Status has_room(const std::string& sha256, std::uint64_t missing) const;
  void settle(const std::string& sha256, std::uint64_t dropped);
  void let_go(const std::string& sha256);

  const std::string folder_;
  Live<BlobLimits> limits_;
  mutable Mutex mutex_;
  std::map<std::string, UploadRef> uploads_ SKEP_GUARDED_BY(mutex_);
  std::uint64_t uses_ SKEP_GUARDED_BY(mutex_) = 0;  ///< counts up: the least recent goes first
  std::uint64_t bytes_ SKEP_GUARDED_BY(mutex_) = 0;
};

}  // namespace skep::control
