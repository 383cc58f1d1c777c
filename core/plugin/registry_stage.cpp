// From a file in a plugin folder to a recipe that may be loaded: stage, verify, probe.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "core/plugin/compat.hpp"
#include "core/plugin/elf_note.hpp"
#include "core/plugin/hazards.hpp"
#include "core/plugin/registry_impl.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

/// Staged copies of a plugin that stay on disk, and images of it that are mapped freshly.
constexpr std::size_t kImages = 8;

Result<Manifest> manifest_of(const Staged& staged) {
  const UniqueFd fd(::open(staged.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return errno_error("open " + staged.path, errno);
  const auto text = read_manifest_note(fd.get());
  if (!text) return text.error();
  return parse_manifest(*text);
}

/// The settings that the node uses it with still fit.
Status check_uses(const Manifest& manifest, const Plugin& plugin, const json::object& settings) {
  for (const auto& use : plugin.slots) {
    const ManifestComponent* c = find_component(manifest, *use);
    if (c == nullptr)
      return config_error("plugin " + manifest.id + " " + manifest.version +
                          " has no component \"" + use->component + "\" of kind " + use->kind +
                          ", which this node uses");
    const auto config = component_config(manifest, *c, settings, use->table);
    if (!config) return config.error();
  }
  return {};
}

/// In a child none of them matters: each generation there begins with an empty process.
Status check_hazards(const std::string& id, const std::string& path) {
  const auto found = scan_hazards(path);
  if (!found) return found.error().within("plugin " + id);
  const Status clean = refuse_hazards(*found);
  if (clean) return {};
  Error error = clean.error().within("plugin " + id);
  error.next += "; or set [plugins." + id + "] isolation = \"process\"";
  return error;
}

bool has_inproc_code(const Recipe& recipe) {
  const auto& components = recipe.manifest.components;
  return recipe.isolation == "inproc" ||
         std::any_of(components.begin(), components.end(),
                     [](const ManifestComponent& c) { return c.kind != SKEP_KIND_TASK; });
}

}  // namespace

const ManifestComponent* find_component(const Manifest& manifest, const SlotUse& use) {
  for (const ManifestComponent& c : manifest.components)
    if (c.name == use.component && c.kind == use.kind) return &c;
  return nullptr;
}

Result<Staged> Registry::Impl::stage(const std::string& source, const std::string& id,
                                     std::uint64_t number) {
  if (!staging) {
    auto area = StagingArea::open(options.staging_dir);
    if (!area) return area.error();
    staging.emplace(std::move(*area));
  }
  return staging->stage(source, id, number);
}

Result<std::shared_ptr<const Recipe>> Registry::Impl::verify(const CatalogEntry& entry,
                                                             const Plugin& plugin,
                                                             const Staged& staged) const {
  auto manifest = manifest_of(staged);
  if (!manifest) return manifest.error().within(entry.info.path);
  if (manifest->id != entry.info.id)
    return invalid(entry.info.path + " is plugin " + manifest->id + " now, not " + entry.info.id);
  const Compat compat = check_compat(*manifest, host_abi());
  if (!compat.ok())
    return Error{Code::kInvalid, compat.table(*manifest, staged.sha256), "incompatible-plugin"};
  SKEP_TRY(check_plugin_table(*manifest, entry.table));
  SKEP_TRY(check_uses(*manifest, plugin, entry.table.settings));
  auto recipe = std::make_shared<Recipe>();
  recipe->file = staged;
  recipe->source = entry.info.path;
  recipe->manifest = std::move(*manifest);
  recipe->table = entry.table;
  recipe->isolation = isolation_of(entry);
  const bool admitted = plugin.current && plugin.current->recipe().file.sha256 == staged.sha256;
  if (options.admission && !admitted)
    SKEP_TRY(options.admission({entry.info.id, recipe->manifest.version, recipe->manifest.abi,
                                staged.sha256, staged.path, entry.info.path}));
  if (has_inproc_code(*recipe)) SKEP_TRY(check_hazards(entry.info.id, staged.path));
  return std::shared_ptr<const Recipe>(std::move(recipe));
}

Status Registry::Impl::probe(const Recipe& recipe, std::uint64_t number) {
  if (!options.probe || recipe.isolation != "inproc" || probed.count(recipe.file.sha256) > 0)
    return {};
  for (const ManifestComponent& c : recipe.manifest.components) {
    if (c.kind != SKEP_KIND_TASK) continue;
    auto child = child_plugin(recipe, c, number, running_host());
    if (!child && child.error().code == Code::kNotFound) {
      log::warn("plugin_not_probed",
                {{"plugin", recipe.manifest.id}, {"reason", child.error().message}});
      return {};
    }
    if (!child) return child.error();
    const auto group = ChildGroup::start(std::move(*child));
    if (group) {
      (*group)->stop();
      continue;
    }
    const std::string how(group.error().id());
    const bool crashed = how == "plugin-crashed";
    if (crashed || how == "plugin-violation")  // a slow machine hangs, too
      put_into_quarantine(recipe, number, group.error().message, crashed);
    return group.error();
  }
  probed.insert(recipe.file.sha256);
  return {};
}

void Registry::Impl::put_into_quarantine(const Recipe& recipe, std::uint64_t number,
                                         const std::string& reason, bool kept) {
  quarantine.add(recipe.file.sha256, {recipe.manifest.id, recipe.manifest.version, reason,
                                      SystemClock().wall_ms(), kept});
  publish("plugin.quarantined", recipe, number, log::Level::kError, reason);
}

Result<Staged> Registry::Impl::same_bytes_of(Plugin& plugin, const Staged& staged) {
  auto image = image_of(plugin, staged.path);
  if (image && image->sha256 != staged.sha256) return changed_after_check(staged, image->sha256);
  return image;
}

Result<Staged> Registry::Impl::image_of(Plugin& plugin, const std::string& source) {
  const auto fresh = stage(source, plugin.id, plugin.last_number + 1);
  if (!fresh) return fresh.error();
  Staged image = *fresh;
  const auto reusable = [&](const Staged& old) {
    return old.sha256 == fresh->sha256 && !drainer->holds(old.path) &&
           !(plugin.current && plugin.current->recipe().file.path == old.path);
  };
  const auto old = std::find_if(plugin.images.begin(), plugin.images.end(), reusable);
  if (plugin.last_number >= kImages && old != plugin.images.end()) {
    ::unlink(fresh->path.c_str());
    image = *old;
  }
  std::erase_if(plugin.images, [&](const Staged& known) { return known.path == image.path; });
  plugin.images.push_front(image);
  const auto wanted = [&](const Staged& kept) {
    return (plugin.current && plugin.current->recipe().file.path == kept.path) ||
           std::any_of(plugin.before.begin(), plugin.before.end(),
                       [&](const auto& recipe) { return recipe->file.path == kept.path; });
  };
  for (auto last = plugin.images.end();
       plugin.images.size() > kImages && last != std::next(plugin.images.begin());) {
    if (wanted(*--last)) continue;
    ::unlink(last->path.c_str());
    last = plugin.images.erase(last);
  }
  return image;
}

}  // namespace skep::plugin
