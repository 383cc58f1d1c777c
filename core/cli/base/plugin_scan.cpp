#include "core/cli/base/plugin_scan.hpp"

#include <algorithm>
#include <filesystem>

#include "core/app/app.hpp"
#include "core/app/node_files.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/node_config.hpp"

namespace skep::cli {

std::vector<Option> plugin_options() {
  return {{"path", 0, "FOLDER", "search here instead", true}};
}

Expected<ScannedPlugins> scan_plugins(Invocation& call) {
  ScannedPlugins out;
  plugin::RegistryOptions options;
  options.paths = call.args.all("path");
  std::vector<std::string> own;  // the node's folders, which need not exist
  if (call.args.has("config") || options.paths.empty()) {
    auto loaded = load_config(call, !call.args.has("config"));
    if (!loaded) return loaded.error();
    options.tables = loaded->config.plugins.tables;
    if (options.paths.empty()) {
      app::set_plugin_search(loaded->config, options);
      own = {options.arrivals};
      if (loaded->config.plugins.paths.empty())
        own.push_back(app::plugin_paths(loaded->config).front());
    }
    out.config = std::move(loaded->config);
  }
  // What a scan logs of refused plugins is for the command to say in plain words.
  log::configure("text", "error");
  for (const std::string& folder : options.paths) {
    std::error_code ec;
    const std::filesystem::directory_iterator readable(folder, ec);
    if (ec && std::find(own.begin(), own.end(), folder) == own.end())
      call.console.note("warning: no plugins in " + folder + ": " + ec.message());
  }
  plugin::Registry registry(options);
  if (auto scanned = registry.scan(); !scanned) return scanned.error();
  out.plugins = registry.list();
  if (out.plugins.empty())
    call.console.note("no plugins in " + join(options.paths, ", ") + "; next: --path FOLDER");
  return out;
}

}  // namespace skep::cli
