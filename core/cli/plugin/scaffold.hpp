// New folders from templates: what `skep plugin new` writes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace skep::cli {

/// "NAME" to "hello": each key stands in templates as @KEY@, and NAME also in file names.
using TemplateWords = std::map<std::string, std::string>;

/// The templates that came with this program: share/skep/templates beside bin/.
std::string template_dir();
/// The CMake package of the SDK that came with this program.
std::string sdk_package_dir();

/// Renders every file of the template folders `parts` (names below template_dir()) into `folder`,
/// which appears complete or not at all. kState when it exists already. Returns the names of the
/// files, sorted.
Result<std::vector<std::string>> scaffold(const std::vector<std::string>& parts,
                                          const std::string& folder, const TemplateWords& words);

/// kInvalid, with the nearest valid name, for what cannot be a file name, a CMake target and a
/// component at once: [a-z][a-z0-9_-]{0,63}, and no target that CMake keeps for itself.
Status check_new_name(std::string_view name);
/// "my-tool" as "MyTool".
std::string camel_case(std::string_view name);

}  // namespace skep::cli
