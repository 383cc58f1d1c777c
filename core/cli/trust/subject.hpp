// What the trust commands know of a file: who it says it is, and what it is.
#pragma once

#include <vector>

#include "core/cli/base/invocation.hpp"
#include "core/trust/digest.hpp"
#include "core/trust/judge.hpp"

namespace skep::cli {

struct Subject {
  trust::Candidate candidate;
  trust::Digests digests;
};

/// --id and --version.
std::vector<Option> subject_options();
/// A plugin says who it is in its manifest; for a script --id and --version do. A usage error when
/// they are missing, or given for a plugin.
Expected<Subject> subject_of(Invocation& call, const std::string& file);

}  // namespace skep::cli
