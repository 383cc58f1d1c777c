// Private copies of plugin files. What is checked is the copy, and the copy is what is loaded, so a
// file that is replaced while we look at it can neither crash us nor slip past the checks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"

namespace skep::plugin {

/// What a scan learns of a file: its manifest text and the digest of the same bytes.
struct Inspected {
  std::string manifest;
  std::string sha256;
  std::string warning;  ///< "" or why its owner or mode is doubtful
};
/// Opens without following a final symbolic link. kInvalid when it is not a plugin, kDenied when
/// everybody may write it or it is neither root's nor ours.
Result<Inspected> inspect(const std::string& path);

struct Staged {
  std::string path;
  std::string sha256;
};

/// A folder of our own (0700, locked while we live) below the staging folder. Folders of runs that
/// ended are removed by open(); ours goes with the object.
class StagingArea {
 public:
  static Result<StagingArea> open(const std::string& staging_dir);
  StagingArea(StagingArea&& other) noexcept = default;
  StagingArea& operator=(StagingArea&&) = delete;
  ~StagingArea();

  /// Copies `source` to ID.NUMBER.SHA12.so, hashing what it writes. Each generation has a file, and
  /// so an image, of its own: the dynamic linker would hand out the old one for a known name. The
  /// folder is made again when somebody removed it.
  Result<Staged> stage(const std::string& source, std::string_view id,
                       std::uint64_t number = 1) const;
  const std::string& dir() const { return dir_; }

 private:
  StagingArea(std::string dir, UniqueFd lock) : dir_(std::move(dir)), lock_(std::move(lock)) {}
  std::string dir_;
  UniqueFd lock_;
};

/// Holds on to the bytes of a staged copy while children are started from it. [any]
class KeptCopy {
 public:
  explicit KeptCopy(Staged staged);
  /// Where no file is any more it is put back, when its bytes are still those that were checked;
  /// what is there is left to verify_staged(). kNotHere when this node cannot.
  Status put_back() const;

 private:
  Staged staged_;
  UniqueFd bytes_;  ///< none: it was gone already
};

/// FILE.minisig
std::string signature_of(const std::string& file);
/// Copies FILE.minisig to COPY.minisig, so that the copy can be judged when the file is another
/// one; without one there is none beside the copy either. An error when it could not be kept.
Status keep_signature(const std::string& file, const Staged& copy);
/// Removes the copy and its signature.
void remove_staged(const Staged& copy);

/// kDenied when the staged file no longer has the bytes that were hashed.
Status verify_staged(const Staged& staged);
/// What verify_staged() says of a copy that has other bytes now, by this name.
inline constexpr std::string_view kChangedAfterCheck = "plugin-changed";
Error changed_after_check(const Staged& staged, const std::string& sha256);

}  // namespace skep::plugin
