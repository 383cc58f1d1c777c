// The format of /etc/os-release.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skep::facts {

/// The assignments of such a file, their values as a shell would take them, but without
/// expansions: see os-release(5). A byte order mark and comments are no part of it.
std::vector<std::pair<std::string_view, std::string>> read_os_release(std::string_view text);

}  // namespace skep::facts
