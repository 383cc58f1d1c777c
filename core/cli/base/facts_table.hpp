// The facts of some machines side by side.
#pragma once

#include <string>
#include <vector>

#include "core/base/json.hpp"
#include "core/cli/base/output.hpp"

namespace skep::cli {

/// One row a collect_facts task: site, os, kernel, cpus, memory, disk, load, facts, time.
/// Whether the result is that of collect_facts.
bool has_facts(const json::value& result);
void print_facts_table(const Console& console, const std::vector<json::value>& tasks);

}  // namespace skep::cli
