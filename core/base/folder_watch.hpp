// Notices files that were finished in a set of folders (inotify). A hint, never the truth: whoever
// is woken looks at the folder itself, and looks now and then without being woken.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"

namespace skep {

/// One thread waits; wake() is [any].
class FolderWatch {
 public:
  /// Folders that do not exist yet are noticed when they appear, with all that is in them.
  explicit FolderWatch(std::vector<std::string> folders);

  struct Changes {
    std::vector<std::string> paths;  ///< written and closed, moved in, moved out or removed
    bool overflow = false;           ///< some were missed: look at everything
    bool any() const { return overflow || !paths.empty(); }
  };
  /// Waits for a change, then until `settle` passes without another one, so that a burst is one
  /// answer. Empty after `timeout`, after wake() or when `stop` is requested.
  Changes wait(Millis timeout, Millis settle, std::stop_token stop);
  void wake();

 private:
  void watch_missing(Changes& changes);
  void read_events(Changes& changes);
  bool readable(Millis timeout);

  std::vector<std::string> folders_;
  UniqueFd inotify_;
  UniqueFd wakeup_;
  std::map<std::string, int> watched_;  ///< watch descriptor by folder; two names may share one
};

}  // namespace skep
