// What the watch compares of plugin files, to see whether anybody touched them.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace skep::plugin {

/// Equal when nobody touched the file, nor what decides whether it may be loaded: who may change
/// it, its signature, the lock file.
struct FileStamp {
  std::string content;
  std::string admission;
  bool operator==(const FileStamp&) const = default;
};
using FileStamps = std::map<std::string, FileStamp>;  ///< by path

/// Of each *.so in the folders. `lock_file` "" = there is none.
FileStamps stamps_of(const std::vector<std::string>& folders, const std::string& lock_file);

}  // namespace skep::plugin
