// Tier static: the file alone.
#include <algorithm>

#include "core/base/text.hpp"
#include "core/conformance/plugin_under_test.hpp"
#include "core/plugin/compat.hpp"
#include "core/plugin/hazards.hpp"
#include "core/plugin/tables.hpp"

namespace skep::conformance {
namespace {

constexpr const char* kBuildRight =
    "build it with skep_add_plugin(), see share/doc/skep/docs/write-a-plugin.md";

plugin::Inspected inspected(const Subject& s) {
  auto found = plugin::inspect(s.file);
  if (found) return std::move(*found);
  throw Broken(found.error().message,
               found.error().next.empty() ? kBuildRight : found.error().next);
}

void hazard(Subject& s, std::string_view id) {
  const auto found = plugin::scan_hazards(s.file);
  if (!found) throw Broken(found.error().message, kBuildRight);
  for (const plugin::Hazard& h : *found) {
    if (h.id != id) continue;
    if (h.fatal) throw Broken(h.message, h.fix);
    s.remark = h.message;
  }
}

}  // namespace

void static_note(Subject& s) { s.remark = inspected(s).warning; }

void static_manifest(Subject& s) {
  const auto manifest = plugin::parse_manifest(inspected(s).manifest);
  if (!manifest) throw Broken(manifest.error().message, "correct plugin.json and build again");
  if (manifest->isolation != "inproc" && !plugin::can_run_apart(*manifest))
    throw Broken("isolation.default is \"" + manifest->isolation + "\", and only " +
                     plugin::kinds_run_here(*manifest) + " components are in it",
                 "say inproc: only tasks and scripts run in children");
}

void static_compat(Subject& s) {
  const auto found = inspected(s);
  const auto manifest = plugin::parse_manifest(found.manifest);
  if (!manifest) throw Skipped("the manifest is not valid");
  const auto compat = plugin::check_compat(*manifest, plugin::host_abi());
  if (!compat.ok())
    throw Broken(compat.table(*manifest, found.sha256), "build it with the SDK of this host");
}

void static_hazard_exports(Subject& s) { hazard(s, "exports"); }
void static_hazard_unique_symbols(Subject& s) { hazard(s, "unique-symbols"); }
void static_hazard_nodelete(Subject& s) { hazard(s, "nodelete"); }
void static_hazard_text_relocations(Subject& s) { hazard(s, "text-relocations"); }
void static_hazard_writable_code(Subject& s) { hazard(s, "writable-code"); }
void static_hazard_executable_stack(Subject& s) { hazard(s, "executable-stack"); }
void static_hazard_run_path(Subject& s) { hazard(s, "run-path"); }
void static_hazard_static_tls(Subject& s) { hazard(s, "static-tls"); }
void static_hazard_needed(Subject& s) { hazard(s, "needed"); }
void static_hazard_process_hooks(Subject& s) { hazard(s, "process-hooks"); }

void static_loads(Subject& s) { const Loaded loaded(s); }

}  // namespace skep::conformance
