#include "core/plugin/intake.hpp"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "core/base/events.hpp"
#include "core/plugin/compat.hpp"
#include "core/plugin/elf_note.hpp"
#include "core/plugin/hazards.hpp"
#include "skep/kind/task.h"

namespace skep::plugin {
namespace {

Result<Manifest> manifest_of(const Staged& staged) {
  const UniqueFd fd(::open(staged.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return errno_error("open " + staged.path, errno);
  const auto text = read_manifest_note(fd.get());
  if (!text) return text.error();
  return parse_manifest(*text);
}

/// The settings that the node uses it with still fit.
Status check_uses(const Manifest& manifest, const ComponentUses& uses,
                  const json::object& settings) {
  for (const auto& use : uses) {
    const ManifestComponent* c = find_component(manifest, use->component, use->kind);
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

std::string way_out_of_quarantine(const std::string& id) {
  return "install another version, or try it again: skep plugin reload " + id + " --force";
}

}  // namespace

const ManifestComponent* find_component(const Manifest& manifest, std::string_view name,
                                        std::string_view kind) {
  for (const ManifestComponent& c : manifest.components)
    if (c.name == name && c.kind == kind) return &c;
  return nullptr;
}

void publish(std::string_view event, const Recipe& recipe, std::uint64_t number, log::Level level,
             std::string_view reason) {
  const log::Field id{"id", recipe.manifest.id};
  const log::Field version{"version", recipe.manifest.version};
  const log::Field sha256{"sha256", recipe.file.sha256};
  const log::Field generation{"generation", number};
  if (reason.empty())
    events::publish(level, event, {id, version, sha256, generation});
  else
    events::publish(level, event, {id, version, sha256, generation, {"reason", reason}});
}

Intake::Intake(const RegistryOptions& options, const NameBook& names)
    : options_(options),
      names_(names),
      quarantine_(options.state_dir.empty() ? "" : options.state_dir + "/quarantine.json",
                  way_out_of_quarantine),
      last_good_(options.state_dir.empty() ? "" : options.state_dir + "/last-good/plugins", ".so") {
}

Result<Admitted> Intake::admit(const Request& request, std::string_view& step) {
  step = "verify";
  SKEP_TRY(check_quarantine(request));
  auto recipe = verify(request);
  if (!recipe) return recipe.error();
  SKEP_TRY(ask_trust(request, **recipe));
  if (has_inproc_code(**recipe)) SKEP_TRY(check_hazards(request.id, request.copy.path));
  if (request.tell) publish("plugin.staged", **recipe, request.number);
  step = "probe";
  SKEP_TRY(probe(**recipe, request.number));
  if (request.tell) publish("plugin.verified", **recipe, request.number);
  return Admitted(std::move(*recipe));
}

Status Intake::check_quarantine(const Request& request) const {
  if (!quarantine_.has(request.copy.sha256)) return {};
  const Error bad = quarantine_.refusal(request.copy.sha256);
  if (!request.needed) return bad;
  log::warn("plugin_quarantine_ignored", {{"plugin", request.id},
                                          {"reason", bad.message},
                                          {"effect", "the node needs it and has no other"}});
  return {};
}

Result<std::shared_ptr<const Recipe>> Intake::verify(const Request& request) const {
  auto manifest = manifest_of(request.copy);
  if (!manifest) return manifest.error().within(request.source);
  if (manifest->id != request.id)
    return invalid(request.source + " is plugin " + manifest->id + " now, not " + request.id);
  SKEP_TRY(check_fit(*manifest, request.copy.sha256));
  SKEP_TRY(names_.check(*manifest));
  SKEP_TRY(check_plugin_table(*manifest, request.table));
  if (request.uses != nullptr)
    SKEP_TRY(check_uses(*manifest, *request.uses, request.table.settings));
  auto recipe = std::make_shared<Recipe>();
  recipe->file = request.copy;
  recipe->source = request.source;
  recipe->manifest = std::move(*manifest);
  recipe->table = request.table;
  recipe->isolation = request.isolation;
  return std::shared_ptr<const Recipe>(std::move(recipe));
}

/// The signature is kept beside the copy: when the copy comes back, that is what it is judged by.
Status Intake::ask_trust(const Request& request, const Recipe& recipe) const {
  const bool serves =
      request.serving != nullptr && request.serving->file.sha256 == request.copy.sha256;
  if (options_.admission && !serves)
    SKEP_TRY(options_.admission({request.id, recipe.manifest.version, recipe.manifest.abi,
                                 request.copy.sha256, request.copy.path, request.vouched}));
  return keep_signature(serves ? request.serving->file.path : request.vouched, request.copy);
}

Status Intake::probe(const Recipe& recipe, std::uint64_t number) {
  if (!options_.probe || recipe.isolation != "inproc" || probed_.contains(recipe.file.sha256))
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
  probed_.insert(recipe.file.sha256);
  return {};
}

Result<Staged> Intake::stage(const std::string& source, const std::string& id,
                             std::uint64_t number) {
  if (!staging_) {
    auto area = StagingArea::open(options_.staging_dir);
    if (!area) return area.error();
    staging_.emplace(std::move(*area));
  }
  return staging_->stage(source, id, number);
}

std::string Intake::isolation_of(const PluginFile& file) const {
  namespace fs = std::filesystem;
  if (!can_run_apart(*file.manifest)) return "inproc";
  if (!file.table.isolation.empty()) return file.table.isolation;
  const bool shipped = !options_.shipped_dir.empty() &&
                       fs::path(file.info.path).parent_path() == fs::path(options_.shipped_dir) &&
                       std::find(options_.shipped.begin(), options_.shipped.end(), file.info.id) !=
                           options_.shipped.end();
  return shipped ? file.manifest->isolation : options_.isolation;
}

void Intake::put_into_quarantine(const Recipe& recipe, std::uint64_t number,
                                 const std::string& reason, bool kept) {
  quarantine_.add(recipe.file.sha256, {recipe.manifest.id, recipe.manifest.version, reason,
                                       SystemClock().wall_ms(), kept});
  publish("plugin.quarantined", recipe, number, log::Level::kError, reason);
}

}  // namespace skep::plugin
