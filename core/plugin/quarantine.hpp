// Plugin files that crashed or were rolled back, by hash: they do not serve again by themselves.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/error.hpp"

namespace skep::plugin {

/// Used by one thread at a time.
class Quarantine {
 public:
  struct Entry {
    std::string plugin;
    std::string version;
    std::string reason;
    WallMs at = 0;
    bool kept = true;  ///< false: until the node restarts
  };

  /// Reads `path`, "" = keeps nothing. A file that is no quarantine is set aside as PATH.damaged,
  /// with a warning in the log; one that cannot be read or written costs a warning and stays.
  explicit Quarantine(std::string path);

  bool has(std::string_view sha256) const { return entries_.contains(sha256); }
  /// Of more than 256 the oldest goes.
  void add(const std::string& sha256, Entry entry);
  /// False when it was not there.
  bool remove(std::string_view sha256);
  /// Why this file is not loaded, since when, and the way out. REQUIRES: has(sha256).
  Error refusal(std::string_view sha256) const;

 private:
  void load();
  bool read(std::string_view text);
  void write();

  std::string path_;
  bool is_read_ = false;                               ///< what `path_` holds is in entries_
  std::map<std::string, Entry, std::less<>> entries_;  ///< by sha256
};

}  // namespace skep::plugin
