// The result document and the verdict of one run.
#pragma once

#include <optional>
#include <string>

#include "capture.hpp"
#include "request.hpp"
#include "skep/json.hpp"
#include "skep/plugin.hpp"
#include "skep/svc/process.h"

namespace skep::script {

/// "SIGSEGV"
std::string signal_name(int number);

/// Smaller than the 4 MiB that a host takes, whatever the script wrote.
Json result_document(const Request& request, const skep_process_exit& exit, const Capture& out,
                     const Capture& err);

/// Why the task fails, or nothing when it succeeded. `cancel_reason` is the call's.
std::optional<Fault> verdict(const Request& request, const skep_process_exit& exit,
                             int cancel_reason);

}  // namespace skep::script
