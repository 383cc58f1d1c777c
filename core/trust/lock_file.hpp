// plugins.lock: which bytes of which plugin or script this node runs.
#pragma once

#include <map>
#include <string>

#include "core/base/result.hpp"

namespace skep::trust {

struct Pin {
  std::string version;
  std::string sha256;
  std::string key;          ///< id of the key that signed it, "" = unsigned
  std::string min_version;  ///< nothing older is loaded, whoever signed it
  bool operator==(const Pin&) const = default;
};

struct LockFile {
  std::map<std::string, Pin> pins;  ///< by id

  /// kNotFound when there is none, kDenied when others may write it, kConfig with the place or the
  /// id for anything that it does not understand: half a lock is none.
  static Result<LockFile> read(const std::string& path);
  /// The whole file or nothing: written beside and renamed, mode 0644.
  Status write(const std::string& path) const;
  std::string text() const;
};

}  // namespace skep::trust
