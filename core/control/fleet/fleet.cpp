#include "core/control/fleet/fleet.hpp"

namespace skep::control {

std::vector<Migrations> Fleet::migrations() const {
  // Line and tables are older than the word "release".
  return {{"artifacts", ReleaseStore::migrations()}};
}

Status Fleet::metrics(std::vector<prometheus::MetricFamily>& out) {
  counts.collect(registry.snapshot()->releases, workers.directory.all(), out);
  return {};
}

WorkerHooks Fleet::worker_hooks() {
  WorkerHooks hooks;
  hooks.beat = [this](WallMs, const WorkerRecord& worker, api::BeatReply&) {
    registry.heard(worker);
    return Status{};
  };
  hooks.registry_revision = [this](const WorkerRecord& worker) {
    return registry.snapshot()->revision_of(worker.profile.site);
  };
  hooks.removed = [this](const std::string& worker_id) { registry.forget_worker(worker_id); };
  return hooks;
}

}  // namespace skep::control
