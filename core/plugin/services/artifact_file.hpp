// An artifact on its way into the folder of its attempt.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/fd.hpp"
#include "core/base/mutex.hpp"
#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/model/artifact.hpp"

namespace skep::plugin {

/// FOLDER/out/NAME.<a number of its own>.part, then FOLDER/out/<sha256>: calls inside of a call
/// share the folder. One that is dropped leaves nothing, and one that a write failed of is not
/// kept. [any]
class ArtifactFile {
 public:
  /// Makes the folders that are missing. `most` bytes at most.
  static Result<std::shared_ptr<ArtifactFile>> open(const std::string& folder, std::string name,
                                                    std::string media_type, std::uint64_t most);
  ArtifactFile(std::string folder, std::string part, model::Artifact what, std::uint64_t most,
               UniqueFd file);
  ~ArtifactFile();
  ArtifactFile(const ArtifactFile&) = delete;
  ArtifactFile& operator=(const ArtifactFile&) = delete;

  /// Once it has failed it fails the same way.
  Status write(std::string_view bytes);
  /// Gives it its last name.
  Result<model::Artifact> finish();

 private:
  const std::string folder_;
  const std::string part_;
  const std::uint64_t most_;
  Mutex mutex_;
  model::Artifact what_ SKEP_GUARDED_BY(mutex_);
  UniqueFd file_ SKEP_GUARDED_BY(mutex_);
  Sha256 hash_ SKEP_GUARDED_BY(mutex_);
  Status failed_ SKEP_GUARDED_BY(mutex_);
  bool finished_ SKEP_GUARDED_BY(mutex_) = false;
  Status put(std::string_view bytes) SKEP_REQUIRES(mutex_);
};

}  // namespace skep::plugin
