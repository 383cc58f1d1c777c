#include "core/plugin/plugin_files.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/base/file.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/plugin/stage.hpp"

namespace skep::plugin {
namespace {

namespace fs = std::filesystem;

ComponentInfo component_info(const ManifestComponent& c) {
  ComponentInfo out;
  out.name = c.name;
  out.kind = c.kind;
  out.description = c.description;
  out.config_schema = c.config_schema ? c.config_schema->text() : "{}";
  out.params_schema = c.params_schema ? c.params_schema->text() : "{}";
  out.max_concurrency = c.max_concurrency;
  out.default_timeout_ms = c.default_timeout_ms;
  out.cancel_grace_ms = c.cancel_grace_ms;
  out.permissions = c.permissions;
  return out;
}

/// The *.so of a folder by name; a folder that is not there is said in the log and skipped.
std::vector<fs::path> libraries_in(const std::string& folder) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec))
    if (at->path().extension() == ".so") out.push_back(at->path());
  if (ec) log::warn("plugin_folder_unreadable", {{"path", folder}, {"error", ec.message()}});
  std::sort(out.begin(), out.end());
  return out;
}

void shadow(PluginFile& file, const std::vector<PluginFile>& before) {
  if (!file.manifest) return;
  const auto first = std::find_if(before.begin(), before.end(), [&](const PluginFile& e) {
    return e.manifest && e.info.id == file.info.id;
  });
  if (first != before.end())
    file.refuse("shadowed by " + first->info.path + " (" + first->info.version +
                "), which has the same id\n  next: remove one of the two files");
}

}  // namespace

void describe(const Manifest& manifest, PluginInfo& info) {
  info.id = manifest.id;
  info.version = manifest.version;
  info.license = manifest.license;
  info.description = manifest.description;
  info.components.clear();
  for (const ManifestComponent& c : manifest.components)
    info.components.push_back(component_info(c));
}

void PluginFile::refuse(std::string reason) {
  log::warn(
      "plugin_refused",
      {{"plugin", info.id}, {"path", info.path}, {"reason", join(split(reason, '\n'), "; ")}});
  info.state = PluginState::kRefused;
  info.reason = std::move(reason);
}

PluginFile read_plugin_file(const std::string& path, const HostAbi& host) {
  PluginFile file;
  file.info.id = fs::path(path).stem().string();
  file.info.path = path;
  file.info.state = PluginState::kAvailable;
  auto inspected = inspect(path);
  if (!inspected) {
    file.refuse(inspected.error().with_advice());
    return file;
  }
  file.info.sha256 = inspected->sha256;
  if (!inspected->warning.empty())
    log::warn("plugin_file_doubtful", {{"path", path}, {"reason", inspected->warning}});
  auto manifest = parse_manifest(inspected->manifest);
  if (!manifest) {
    file.refuse(manifest.error().with_advice());
    return file;
  }
  file.manifest_text = std::move(inspected->manifest);
  describe(*manifest, file.info);
  file.manifest = std::move(*manifest);
  if (const Status fits = check_fit(*file.manifest, file.info.sha256, host); !fits)
    file.refuse(fits.error().with_advice());
  return file;
}

std::vector<PluginFile> scan_folders(const std::vector<std::string>& folders, const HostAbi& host) {
  std::vector<PluginFile> out;
  for (const std::string& folder : folders)
    for (const fs::path& path : libraries_in(folder)) {
      PluginFile file = read_plugin_file(path.string(), host);
      shadow(file, out);
      out.push_back(std::move(file));
    }
  return out;
}

PluginFile* find_file(std::vector<PluginFile>& files, std::string_view id) {
  PluginFile* refused = nullptr;
  for (PluginFile& file : files) {
    if (file.info.id != id) continue;
    if (file.info.state != PluginState::kRefused) return &file;
    if (refused == nullptr) refused = &file;
  }
  return refused;
}

Error table_without_plugin(const std::string& id, const std::vector<std::string>& ids) {
  return config_error("[plugins." + id + "]: no plugin \"" + id + "\"; " + suggestion(id, ids))
      .with_next("skep plugin list");
}

Status apply_tables(const std::map<std::string, std::string>& tables, const std::string& arrivals,
                    std::vector<PluginFile>& files) {
  std::vector<std::string> ids;
  for (const PluginFile& e : files) ids.push_back(e.info.id);
  Status first;
  const auto wrong = [&](const Error& error) {
    if (first) first = error;
  };
  for (const auto& [id, text] : tables) {
    auto table = parse_plugin_table(id, text);
    if (!table) {
      wrong(table.error());
      continue;
    }
    PluginFile* file = find_file(files, id);
    if (file == nullptr) {
      const Error nobody = table_without_plugin(id, ids);
      if (arrivals.empty())
        wrong(nobody);
      else
        log::warn("plugin_table_waits", {{"plugin", id}, {"reason", nobody.message}});
      continue;
    }
    if (file->manifest)
      if (const Status fits = check_plugin_table(*file->manifest, *table); !fits) {
        if (!is_beneath(file->info.path, arrivals))
          wrong(fits.error());
        else if (file->usable())
          file->refuse(fits.error().with_advice());
      }
    file->table = std::move(*table);
    if (!file->table.enabled && file->usable()) file->info.state = PluginState::kDisabled;
  }
  return first;
}

}  // namespace skep::plugin
