// The facts of some machines side by side.
#pragma once

#include <string>
#include <vector>

#include "core/base/json.hpp"
#include "core/cli/base/output.hpp"

namespace skep::cli {

/// One row a collect_facts task: site, worker, os, kernel, cpu, memory, disk, load, facts, time.
void print_facts_table(const Console& console, const std::vector<json::value>& tasks);

}  // namespace skep::cli
