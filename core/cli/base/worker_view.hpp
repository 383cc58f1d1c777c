// Workers as people read them.
#pragma once

#include <string>
#include <vector>

#include "core/cli/base/output.hpp"

namespace skep::cli {

std::vector<Column> worker_columns(WallMs now);
/// "3 workers, 1 offline"
std::string worker_totals(const std::vector<const json::object*>& workers);
void print_worker(const Console& console, const json::object& worker);

}  // namespace skep::cli
