// Which content of which file was looked at last, so that a refusal is told once and work is not
// done twice. For plugins and scripts alike.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace skep::plugin {

/// Used by one thread at a time.
class TriedFiles {
 public:
  /// False when this content was tried last; otherwise it is from now on.
  bool is_news(const std::string& path, std::string_view content) {
    std::string& last = last_[path];
    if (last == content) return false;
    last = content;
    return true;
  }
  void note(const std::string& path, std::string_view content) { last_[path] = content; }
  bool has_tried(const std::string& path, std::string_view content) const {
    const auto at = last_.find(path);
    return at != last_.end() && at->second == content;
  }
  /// It may be tried again as it is: what refused it may have passed.
  void forget(const std::string& path) { last_.erase(path); }

 private:
  std::map<std::string, std::string, std::less<>> last_;  ///< content, or why there is none
};

}  // namespace skep::plugin
