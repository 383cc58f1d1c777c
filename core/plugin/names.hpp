// Whose names are whose: the id of a plugin and the names of its components belong to that plugin.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/plugin_files.hpp"

namespace skep::plugin {

/// The id, and the name of each component.
std::set<std::string> names_of(const Manifest& manifest);

/// Who came first has a name, over restarts; the name of a file in its folder decides nothing. Used
/// by one thread at a time.
class NameBook {
 public:
  /// Ids that somebody pinned. [caller's thread]
  using IsPinned = std::function<bool(std::string_view id)>;
  using Serves = std::function<bool(std::string_view id)>;

  /// `reserved`: names that belong to the plugin with this id, whether it is there or not. `path`
  /// is the file that remembers who came first, "" = none; it is read here and written by keep().
  NameBook(std::map<std::string, std::string> reserved, std::string path);

  /// Refuses, of what a scan found, each usable file with a name that belongs to another plugin;
  /// the reason names both. Of two that are both new a pinned one has the name, and of two equals
  /// neither has it. A plugin keeps its names while it `serves`, and while its file is there, not
  /// turned off, and usable or one that served before.
  void settle(std::vector<PluginFile>& files, const IsPinned& is_pinned, const Serves& serves);
  /// kDenied "name-taken" when one of its names belongs to another plugin.
  Status check(const Manifest& manifest) const;
  /// Remembers over restarts what settle() found. A file that cannot be written costs a warning;
  /// one that is there and could not be read is left as it is.
  void keep();

 private:
  struct Owner {
    std::string path;  ///< its file
    std::set<std::string> names;
    bool served = false;  ///< it did once
    bool operator==(const Owner&) const = default;
  };
  void load();
  void release(const std::vector<PluginFile>& files, const Serves& serves);
  void settle_new(std::vector<PluginFile>& files, const IsPinned& is_pinned);

  const std::map<std::string, std::string> reserved_;
  const std::string path_;
  std::map<std::string, Owner, std::less<>> owners_;  ///< by id
  bool changed_ = false;
  bool is_read_ = true;  ///< what the file holds is in owners_
};

}  // namespace skep::plugin
