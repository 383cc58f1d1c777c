#include "core/plugin/catalog.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

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

CatalogEntry read_entry(const fs::path& path, const HostAbi& host) {
  CatalogEntry entry;
  entry.info.id = path.stem().string();
  entry.info.path = path.string();
  entry.info.state = "available";
  auto inspected = inspect(path.string());
  if (!inspected) {
    entry.refuse(inspected.error().with_advice());
    return entry;
  }
  entry.info.sha256 = inspected->sha256;
  if (!inspected->warning.empty())
    log::warn("plugin_file_doubtful", {{"path", path.string()}, {"reason", inspected->warning}});
  auto manifest = parse_manifest(inspected->manifest);
  if (!manifest) {
    entry.refuse(manifest.error().with_advice());
    return entry;
  }
  entry.manifest_text = std::move(inspected->manifest);
  describe(*manifest, entry.info);
  entry.manifest = std::move(*manifest);
  const Compat compat = check_compat(*entry.manifest, host);
  if (!compat.ok()) entry.refuse(compat.table(*entry.manifest, entry.info.sha256));
  return entry;
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

void shadow(CatalogEntry& entry, const std::vector<CatalogEntry>& before) {
  if (!entry.manifest) return;
  const auto first = std::find_if(before.begin(), before.end(), [&](const CatalogEntry& e) {
    return e.manifest && e.info.id == entry.info.id;
  });
  if (first != before.end())
    entry.refuse("shadowed by " + first->info.path + " (" + first->info.version +
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

void CatalogEntry::refuse(std::string reason) {
  log::warn(
      "plugin_refused",
      {{"plugin", info.id}, {"path", info.path}, {"reason", join(split(reason, '\n'), "; ")}});
  info.state = "refused";
  info.reason = std::move(reason);
}

std::vector<CatalogEntry> scan_folders(const std::vector<std::string>& folders,
                                       const HostAbi& host) {
  std::vector<CatalogEntry> out;
  for (const std::string& folder : folders)
    for (const fs::path& path : libraries_in(folder)) {
      CatalogEntry entry = read_entry(path, host);
      shadow(entry, out);
      out.push_back(std::move(entry));
    }
  return out;
}

CatalogEntry* find_entry(std::vector<CatalogEntry>& entries, std::string_view id) {
  CatalogEntry* refused = nullptr;
  for (CatalogEntry& entry : entries) {
    if (entry.info.id != id) continue;
    if (entry.info.state != "refused") return &entry;
    if (refused == nullptr) refused = &entry;
  }
  return refused;
}

Error table_without_plugin(const std::string& id, const std::vector<std::string>& ids) {
  return config_error("[plugins." + id + "]: no plugin \"" + id + "\"; " + suggestion(id, ids))
      .with_next("skep plugin list");
}

Status apply_tables(const std::map<std::string, std::string>& tables, const std::string& arrivals,
                    std::vector<CatalogEntry>& entries) {
  std::vector<std::string> ids;
  for (const CatalogEntry& e : entries) ids.push_back(e.info.id);
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
    CatalogEntry* entry = find_entry(entries, id);
    if (entry == nullptr) {
      const Error nobody = table_without_plugin(id, ids);
      if (arrivals.empty())
        wrong(nobody);
      else
        log::warn("plugin_table_waits", {{"plugin", id}, {"reason", nobody.message}});
      continue;
    }
    if (entry->manifest)
      if (const Status fits = check_plugin_table(*entry->manifest, *table); !fits) {
        if (arrivals.empty() || !entry->info.path.starts_with(arrivals + "/"))
          wrong(fits.error());
        else if (entry->usable())
          entry->refuse(fits.error().with_advice());
      }
    entry->table = std::move(*table);
    if (!entry->table.enabled && entry->usable()) entry->info.state = "disabled";
  }
  return first;
}

}  // namespace skep::plugin
