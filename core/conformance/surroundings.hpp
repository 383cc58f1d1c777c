// What of a process a plugin could leave changed.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace skep::conformance {

/// "cwd" to "/tmp/x", "signal 15" to "default", "fd 3" to "/dev/null", "env HOME" to "/root", ..
using Surroundings = std::map<std::string, std::string>;

/// Working folder, umask, locale, dispositions and mask of signals, descriptors, limits,
/// environment. Not the threads.
Surroundings look_around();
/// Threads of this process now, without those that the host calls plugins on: their names by id.
std::map<std::string, std::string> threads();
/// Names of those that are not in `before`, once there are none or after two seconds: a thread that
/// was joined may still be listed for a moment.
std::vector<std::string> new_threads(const std::map<std::string, std::string>& before);

/// "cwd: was /a, is /b; fd 7: is new (/tmp/x)"; "" when nothing changed.
std::string difference(const Surroundings& before, const Surroundings& after);

}  // namespace skep::conformance
