// `skep up -d`: a supervisor that outlives this command.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/cli/base/console.hpp"
#include "core/cli/up/node_files.hpp"

namespace skep::cli {

struct SupervisorOptions {
  std::string program;  ///< path of this binary
  UpPlan plan;
  std::map<std::string, std::string> environment;
};

/// Starts it and returns the control plane's URL once every worker is online. When it does not get
/// there, or the user interrupts, it has been ended.
Expected<std::string> start_supervisor(const SupervisorOptions& options, const Console& console);

/// The command that ends what -d started.
std::string stop_command(const UpPlan& plan);
/// How `skep up -d` ends after its demo: 0, 9 when one of its tasks failed, or its failure. Unless
/// all went well it says on `err` that the nodes go on, and how to end them.
Expected<int> leave_running(const Expected<bool>& demo, const UpPlan& plan, const Console& console);

/// A supervisor's last words to the command that started it, and back; nothing when it is no such
/// text.
std::string report_of(const Failure& failure);
std::optional<Failure> failure_of_report(const std::string& text);

/// Ends the supervisor and the nodes that up.json of the folder names, exactly those. kNotFound
/// when none runs.
Expected<bool> stop_supervisor(const std::string& folder, const Console& console);

}  // namespace skep::cli
