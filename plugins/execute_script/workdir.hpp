// A private folder for one run of a script: its working directory and the place of its text.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace skep::script {

/// Mode 0700, locked while it is in use, removed with all that is in it. One that a killed process
/// left behind is unlocked: remove_stale() finds it. For another user it is ours, 0711, and has a
/// folder of his, 0700, for the run: what he does to that while it is removed reaches nothing else.
class WorkDir {
 public:
  struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
  };
  /// Throws Fault when it cannot be made.
  explicit WorkDir(const std::string& parent, const std::optional<Owner>& owner = {});
  ~WorkDir();
  WorkDir(const WorkDir&) = delete;
  WorkDir& operator=(const WorkDir&) = delete;

  /// Where the run starts.
  const std::string& path() const { return start_; }
  const std::optional<Owner>& owner() const { return owner_; }
  /// Makes a folder of the run's user where the run starts; its path. Throws Fault when it cannot.
  std::string make_folder(const char* name) const;
  /// Writes a file that only the run's user may read; its path. Throws Fault when it cannot.
  std::string write(const char* name, std::string_view text) const;

 private:
  void make(const std::string& parent);
  void give_to_owner();
  const std::optional<Owner> owner_;
  std::string path_;
  std::string start_;  ///< path_, or the owner's folder in it
  int fd_ = -1;
};

/// Removes folders of ours in `parent` that nobody holds. How many.
int remove_stale(const std::string& parent);

}  // namespace skep::script
