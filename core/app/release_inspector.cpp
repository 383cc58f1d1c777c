#include "core/app/release_inspector.hpp"

#include "core/app/node_files.hpp"
#include "core/base/id.hpp"
#include "core/plugin/compat.hpp"
#include "core/plugin/elf_note.hpp"
#include "core/plugin/manifest.hpp"
#include "core/plugin/names.hpp"
#include "core/plugin/scripts/script_file.hpp"
#include "skep/kind/task.h"

namespace skep::app {
namespace {

using control::Publication;
using control::SelfDescription;
using Said = Result<std::optional<SelfDescription>>;

Error no_plugin(const Error& why) {
  Error out = why.within("publish");
  if (out.next.empty()) out.next = "skep plugin check FILE";
  return out;
}

Error name_taken(const Error& why) {
  Error out = why.within("publish");
  out.code = Code::kState;
  return out;
}

Said ask_plugin(const Publication& p) {
  const auto note = plugin::read_manifest_note(p.content, plugin::Machine::kAny);
  if (!note) return no_plugin(note.error());
  auto manifest = plugin::parse_manifest(*note);
  if (!manifest) return no_plugin(manifest.error());
  if (const Status fits = plugin::check_fit(*manifest, sha256_hex(p.content)); !fits)
    return fits.error().within("publish");
  if (const Status own = plugin::NameBook(shipped_names(), "").check(*manifest); !own)
    return name_taken(own.error());
  SelfDescription said{manifest->id, manifest->version, task_types(*manifest)};
  for (const auto& c : manifest->components)
    if (c.kind != SKEP_KIND_TASK) said.components.push_back(c.name);
  return std::optional(std::move(said));
}

Status check_script_name(const std::string& name) {
  const auto owner = shipped_names().find(name);
  if (owner == shipped_names().end()) return {};
  return Error{Code::kState,
               "publish: script \"" + name + "\" has a name that belongs to plugin " +
                   owner->second + ", which comes with skep",
               "name-taken", "give the script another name"};
}

/// No verdict on the text. What took too long may be quicker the next time.
Error not_looked_at(const Error& why) {
  Error out = why.within("publish: look at the script");
  if (why.code != Code::kDeadline && why.code != Code::kUnavailable) return out;
  out.code = Code::kUnavailable;
  return std::move(out).named("").with_next("try again");
}

/// A text that its language refuses, or that ends its child, is no script.
Error unreadable(const Error& why) {
  const bool of_the_text = why.code == Code::kInvalid || why.id() == "plugin-crashed" ||
                           (why.code == Code::kInternal && why.id() == "plugin-violation");
  if (!of_the_text) return not_looked_at(why);
  return invalid("publish: " + why.message).named("bad-script").with_next("skep script lint FILE");
}

Said ask_script(const plugin::Registry& registry, const plugin::EngineOptions& options,
                const Publication& p) {
  const auto engine = plugin::open_spare_engine(registry, options);
  if (!engine) {
    const Code why = engine.error().code;
    if (why == Code::kNotFound || why == Code::kDenied) return std::optional<SelfDescription>();
    return not_looked_at(engine.error());
  }
  const std::string file = p.name + ".lua";
  const auto said = (*engine)->load("published", file, p.content);
  if (!said) return unreadable(said.error());
  auto manifest = plugin::parse_script_manifest(*said, file);
  if (!manifest) return unreadable(manifest.error());
  SKEP_TRY(check_script_name(manifest->name));
  return std::optional(SelfDescription{
      manifest->name, manifest->version, {{manifest->name, manifest->params.text()}}, {}});
}

}  // namespace

control::Inspector release_inspector(const plugin::Registry& registry, plugin::Admission admission,
                                     const config::Config& config) {
  auto options = engine_options(config, std::move(admission));
  options.state_dir.clear();  // it keeps nothing
  return [&registry, options = std::move(options)](const Publication& p) {
    return p.kind == api::ReleaseKind::kPlugin ? ask_plugin(p) : ask_script(registry, options, p);
  };
}

}  // namespace skep::app
