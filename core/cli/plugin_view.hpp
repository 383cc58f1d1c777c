// Plugins as people read them, from the documents of the API.
#pragma once

#include <string>
#include <vector>

#include "core/cli/output.hpp"

namespace skep::cli {

/// The plugin's id; of a refused file without one, its file name.
std::string plugin_name(const json::object& plugin);
/// Columns of plugin_rows(). With `running`, those of generations too.
std::vector<Column> plugin_columns(bool running);
/// {"items":[..]} with a row for each generation that is not over (all of them when `every`), and
/// one for each plugin that has none.
json::object plugin_rows(const json::object& list, bool every);
void print_plugin(const Console& console, const json::object& plugin);

}  // namespace skep::cli
