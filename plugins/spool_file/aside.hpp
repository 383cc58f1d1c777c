// quarantine/ and rejected/: what is set aside for people, each with a NAME.reason text beside it.
//
// Results stay until a person takes them away. The rest together keeps at most 64 MiB and 1,000
// files; the oldest go first and every removal is logged. None goes for its age: what a clock says
// that somebody may have set is no reason to delete.
#pragma once

#include <string>
#include <string_view>

#include "posix_io.hpp"

namespace spool {

enum class Shelf { kQuarantine, kRejected };

class Aside {
 public:
  void open(int root);
  /// Moves the entry `name` of `from_dir` (never what a link points at). Throws when it cannot.
  void move_in(Shelf shelf, int from_dir, const std::string& name, std::string_view reason);
  void store(Shelf shelf, const std::string& name, std::string_view bytes, std::string_view reason);
  /// Applies the limits. Never throws: what cannot be listed stays.
  void prune();
  /// Items set aside since open() and those found then.
  std::int64_t count(Shelf shelf) const;

 private:
  struct Folder {
    const char* name;
    Fd fd{};
    std::int64_t items = 0;
  };
  Folder& folder(Shelf shelf) { return shelf == Shelf::kQuarantine ? quarantine_ : rejected_; }
  void added(Folder& shelf, const std::string& name, std::string_view reason, std::int64_t bytes);

  Folder quarantine_{"quarantine"};
  Folder rejected_{"rejected"};
  std::int64_t files_ = 0;
  std::int64_t bytes_ = 0;
};

}  // namespace spool
