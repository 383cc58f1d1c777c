// /proc/self/mountinfo: what is mounted where.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skep::facts {

struct MountLine {
  std::string root;     ///< of the file system: the folder that is mounted
  std::string point;    ///< where
  std::string options;  ///< of this mount
  std::string type;
  std::string device;         ///< may be empty
  std::string super_options;  ///< of the file system, wherever it is mounted
};

/// The lines of such a file in their order; what is no such line is left out.
std::vector<MountLine> read_mountinfo(std::string_view text);

/// The way from a folder to what lies beneath it, both absolute: "/b" from "/a" to "/a/b", "" to
/// the folder itself; nothing when `path` lies elsewhere, as "/ab" does.
std::optional<std::string_view> way_from(std::string_view folder, std::string_view path);

}  // namespace skep::facts
