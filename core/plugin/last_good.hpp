// Copies of the files that last served well, one for each file of the folders, over restarts: what
// serves when the file that is there now may not. For plugins and scripts alike.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/base/clock.hpp"
#include "core/plugin/stage.hpp"

namespace skep::plugin {

/// Used by one thread at a time.
class LastGood {
 public:
  struct Entry {
    std::string source;  ///< the file of the folder
    std::string id;      ///< of the plugin, or the script's name
    std::string version;
    std::string sha256;
    WallMs at = 0;  ///< it was first known to be good
    std::int64_t bytes = 0;
    bool removed = false;  ///< somebody took the file away while it served
  };
  struct Kept {
    Entry entry;
    std::string path;  ///< the copy; its signature is PATH.minisig
  };

  /// Keeps them in `dir` (0700, made when needed) as SHA256 + `ending`, with an index.json; "" =
  /// keeps nothing. An index that cannot be read costs a warning; one that is there and cannot be
  /// read now is not overwritten.
  LastGood(std::string dir, std::string ending);

  /// `copy` and its signature served `what.source` well; nobody may write to them any more, and
  /// they are of the file system of `dir`. One that nobody has `used` yet takes no other's place.
  /// Of more than 128 files or 512 MiB the oldest go that somebody took away; when that is not
  /// enough the newcomer is not kept. What cannot be kept costs a warning, once.
  void keep(Entry what, const Staged& copy, bool used);
  /// The index says what keep() did, and the copies that it names no more go. Nothing when that
  /// was nothing.
  void write();
  /// Removes copies that the index does not name: of a process that was killed between the two.
  /// None when it could not be read. REQUIRES: no other process keeps files there.
  void clear();
  /// Nothing when there is none, or its copy is damaged, which costs a warning.
  std::optional<Kept> find(const std::string& source) const;
  /// It is kept, and nobody misses it.
  void note_removed(const std::string& source);
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

 private:
  void load();
  std::string path_of(const std::string& sha256) const { return dir_ + "/" + sha256 + ending_; }
  bool make_room(const std::string& source, std::int64_t bytes);
  void complain(const Entry& what, const std::string& error);

  const std::string dir_;
  const std::string ending_;
  std::map<std::string, Entry, std::less<>> entries_;  ///< by source
  bool changed_ = false;
  bool is_read_ = true;      ///< what the index holds is in entries_
  bool is_whole_ = true;     ///< it was an index, and names all that is kept
  bool complained_ = false;  ///< of an index that was not read or not written
  std::map<std::string, std::string, std::less<>> refused_;  ///< not kept, sha256 by source
};

/// "the last good version serves in its place: 1.0.0 (sha256 0123456789ab)", and what to do.
std::string last_good_serves(std::string_view version, std::string_view sha256);

}  // namespace skep::plugin
