// What in a plugin file would make it unsafe to load beside other generations and plugins, found in
// the ELF file without loading it. The list is sdk/ABI.md's "What a file must not do".
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace skep::plugin {

struct Hazard {
  std::string id;       ///< "unique-symbols"; one of hazard_ids()
  std::string message;  ///< what is wrong, with names
  std::string fix;      ///< what the author does about it
  bool fatal = true;    ///< false: works here, worth knowing
};

/// Every id that scan_hazards() may report.
const std::vector<std::string>& hazard_ids();

/// Reads the file at `path`, which nobody may change meanwhile: give it the staged copy. Bounded:
/// damaged tables are kInvalid, never a crash. Empty = nothing found. [any]
Result<std::vector<Hazard>> scan_hazards(const std::string& path);

/// The run-time of a sanitizer that has to be in a process before the file is loaded, such as
/// "libasan.so.8"; "" = none, or not readable. [any]
std::string sanitizer_runtime(const std::string& path);

/// kDenied that names the first fatal hazard and lists all of them; nothing when there is none.
Status refuse_hazards(const std::vector<Hazard>& hazards);

}  // namespace skep::plugin
