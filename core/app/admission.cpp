#include "core/app/admission.hpp"

#include "core/plugin/compat.hpp"

namespace skep::app {

Result<std::shared_ptr<trust::Gate>> make_gate(const config::Config& config) {
  auto settings = trust::Settings::from(config.trust);
  if (!settings) return settings.error();
  return std::make_shared<trust::Gate>(std::move(*settings));
}

plugin::Admission admission(std::shared_ptr<const trust::Gate> gate) {
  return [gate = std::move(gate)](const plugin::Candidate& c) {
    return gate->admit({c.id, c.version, c.abi, c.sha256, c.staged_path, c.source_path});
  };
}

void refuse_untrusted(const trust::Gate& gate, std::vector<plugin::PluginInfo>& plugins) {
  // A plugin of another ABI is refused before anybody asks about trust.
  const std::string abi = "skep/" + std::to_string(plugin::host_abi().major);
  for (plugin::PluginInfo& p : plugins) {
    if (p.state != plugin::PluginState::kAvailable) continue;
    const Status admitted = gate.admit({p.id, p.version, abi, p.sha256, p.path, p.path});
    if (admitted) continue;
    p.state = plugin::PluginState::kRefused;
    p.reason = admitted.error().with_advice();
  }
}

}  // namespace skep::app
