// Files of plugins or scripts that crashed or were rolled back, by hash: they do not serve again by
// themselves.
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
    std::string plugin;  ///< its id, or the script's name
    std::string version;
    std::string reason;
    WallMs at = 0;
    bool kept = true;  ///< false: until the node restarts
  };

  /// What to do about a file of this plugin or script.
  using WayOut = std::string (*)(const std::string& id);

  /// Reads `path`, "" = keeps nothing. A file that is no quarantine is set aside as PATH.damaged,
  /// with a warning in the log; one that cannot be read or written costs a warning and stays.
  Quarantine(std::string path, WayOut way_out);

  bool has(std::string_view sha256) const { return entries_.contains(sha256); }
  /// Of more than 256 the oldest goes.
  void add(const std::string& sha256, Entry entry);
  /// False when it was not there.
  bool remove(std::string_view sha256);
  /// Why this file is not loaded, since when, and the way out. REQUIRES: has(sha256).
  Error refusal(std::string_view sha256) const;

 private:
  void load();
  void write();

  const std::string path_;
  const WayOut way_out_;
  bool is_read_ = false;                               ///< what `path_` holds is in entries_
  std::map<std::string, Entry, std::less<>> entries_;  ///< by sha256
};

}  // namespace skep::plugin
