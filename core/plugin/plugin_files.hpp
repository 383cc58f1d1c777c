// The plugins that a scan found: what each says of itself and whether it may be used.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/compat.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/tables.hpp"

namespace skep::plugin {

struct PluginFile {
  PluginInfo info;
  std::optional<Manifest> manifest;  ///< none when the file could not be read as a plugin
  std::string manifest_text;
  PluginTable table;
  std::string kept{};  ///< the copy to load in place of the file; "" = the file itself

  const std::string& bytes() const { return kept.empty() ? info.path : kept; }
  bool usable() const { return info.state == PluginState::kAvailable; }
  void refuse(std::string reason);
};

/// What a file says of itself.
PluginFile read_plugin_file(const std::string& path, const HostAbi& host);

/// Reads every *.so of the folders, in order of folder and name; of two with the same id the first
/// one stands. Logs each file that is refused. Never fails: what is wrong is in the files.
std::vector<PluginFile> scan_folders(const std::vector<std::string>& folders, const HostAbi& host);

/// The file of plugin `id`, sooner one that was not refused; null when there is none.
PluginFile* find_file(std::vector<PluginFile>& files, std::string_view id);

/// What the manifest says, for list().
void describe(const Manifest& manifest, PluginInfo& info);

/// Gives each file its [plugins.ID] table, also one that does not fit its manifest. The first
/// problem: kConfig for a table that names no plugin or does not fit; with `arrivals` as
/// RegistryOptions has it.
Status apply_tables(const std::map<std::string, std::string>& tables, const std::string& arrivals,
                    std::vector<PluginFile>& files);
/// kConfig with the nearest of `ids`.
Error table_without_plugin(const std::string& id, const std::vector<std::string>& ids);

}  // namespace skep::plugin
