// Order of versions, for "not older than".
#pragma once

#include <string_view>

namespace skep::trust {

/// Semantic Versioning 2.0: negative when `a` comes before `b`, 0 when neither does. Build metadata
/// does not count. Both are MAJOR.MINOR.PATCH[-pre][+build]. [any]
int compare_versions(std::string_view a, std::string_view b);
/// Whether a text has that form and at most 64 bytes.
bool is_version(std::string_view text);

}  // namespace skep::trust
