// Plugins as people read them, from the documents of the API.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/cli/base/output.hpp"

namespace skep::cli {

/// The plugin's id; of a refused file without one, its file name.
std::string plugin_name(const json::object& plugin);
/// Columns of plugin_rows(). With `running`, those of generations too.
std::vector<Column> plugin_columns(bool running);
/// Those of generations alone.
std::vector<Column> generation_columns();
/// {"items":[..]} with a row for each generation that is not over (all of them when `every`), and
/// one for each plugin or script that has none.
json::object plugin_rows(const json::object& list, bool every);
/// Below the table: why something of `list` does not serve, in full; with `every`, also of
/// generations that are over.
void print_reasons(const Console& console, const json::value& list, bool every,
                   const std::function<std::string(const json::object&)>& name_of);
void print_plugin(const Console& console, const json::object& plugin);

}  // namespace skep::cli
