// The small values of one plugin or script: one file a key, so that the host and its children share
// them without a word to each other.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"

namespace skep::plugin {

inline constexpr std::size_t kMaxKvKey = 128;
inline constexpr std::size_t kMaxKvValue = 64u << 10;
inline constexpr std::size_t kMaxKvKeys = 1000;

/// STATE_DIR/kv/OWNER, made with the first value. Errors as of skep/svc/kv.h. [any], also several
/// processes at once.
class KvSpace {
 public:
  /// `owner` is a plugin's id or "script:NAME". kState when `state_dir` is "".
  static Result<KvSpace> open(const std::string& state_dir, std::string_view owner);

  Result<std::string> get(std::string_view key) const;
  Status put(std::string_view key, std::string_view value) const;
  Status remove(std::string_view key) const;
  /// In order.
  Result<std::vector<std::string>> keys() const;

 private:
  explicit KvSpace(std::string dir) : dir_(std::move(dir)) {}
  std::string path_of(std::string_view key) const;
  Result<UniqueFd> lock() const;
  Status write(const std::string& path, std::string_view value) const;
  std::string dir_;
};

/// Removes what writers that were killed left in the spaces of `state_dir`; in one that is being
/// written to, that write does. [any]
void remove_kv_leftovers(const std::string& state_dir);

}  // namespace skep::plugin
