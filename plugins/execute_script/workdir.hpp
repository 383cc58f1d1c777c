// A private folder for one run of a script: its working directory and the place of its text.
#pragma once

#include <string>
#include <string_view>

namespace skep::script {

/// Mode 0700, locked while it is in use, removed with all that is in it. One that a killed process
/// left behind is unlocked: remove_stale() finds it.
class WorkDir {
 public:
  /// Throws Fault when it cannot be made.
  explicit WorkDir(const std::string& parent);
  ~WorkDir();
  WorkDir(const WorkDir&) = delete;
  WorkDir& operator=(const WorkDir&) = delete;

  const std::string& path() const { return path_; }
  /// Writes a file of mode 0600; its path. Throws Fault when it cannot.
  std::string write(const char* name, std::string_view text) const;

 private:
  std::string path_;
  int fd_ = -1;
};

/// Removes folders of ours in `parent` that nobody holds. How many.
int remove_stale(const std::string& parent);

}  // namespace skep::script
