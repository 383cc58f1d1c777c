// Where attempts have their files: what they read, and what they leave until it is brought home.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/live.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "core/model/task.hpp"

namespace skep::worker {

struct ArtifactLimits {
  std::uint64_t task_bytes = 1ull << 30;   ///< of one attempt
  std::uint64_t node_bytes = 10ull << 30;  ///< of all that wait to be brought home
  bool operator==(const ArtifactLimits&) const = default;
};

/// DIR/<key of the attempt>/in/<sha256> and out/<sha256>. A folder is made by who needs it first;
/// one that was sealed outlives the process, for its result is in the spool then. [any]
class AttemptFolders {
 public:
  /// "" = this worker has none.
  AttemptFolders(std::string folder, ArtifactLimits limits);
  void set_limits(ArtifactLimits limits) { limits_.set(limits); }
  /// Removes what a former process had not sealed, and what it sealed long ago.
  void start();

  /// Of the attempt; it need not be there. "" when this worker has none.
  std::string folder_of(const model::Lease& lease) const;
  std::string output_of(const model::Lease& lease, const std::string& sha256) const;
  /// Bytes that an attempt which starts now may leave.
  std::uint64_t room() const;
  /// Makes the place of an input; its path.
  Result<std::string> make_input(const model::Lease& lease, const std::string& sha256) const;
  /// What the attempt left is on disk, whatever happens from now on.
  Status seal(const model::Lease& lease, const std::vector<model::Artifact>& artifacts);
  /// Removes the attempt's folder, if it has one.
  void drop(const model::Lease& lease);
  /// Why no more tasks may be claimed, "" = they may.
  std::string trouble() const;

 private:
  std::uint64_t sealed_bytes(const std::string& folder) const;

  const std::string folder_;
  Live<ArtifactLimits> limits_;
  mutable Mutex mutex_;
  std::uint64_t waiting_ SKEP_GUARDED_BY(mutex_) = 0;  ///< bytes that are sealed
};

}  // namespace skep::worker
