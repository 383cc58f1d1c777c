#include "core/control/control.hpp"

#include <algorithm>

#include "core/base/log.hpp"
#include "core/control/routes/routes.hpp"

namespace skep::control {

Control::Control(ports::Queue& queue_port, ports::Store& store_port, Clock& clock_port,
                 const std::vector<ports::TaskType>& own_types, ControlOptions opts)
    : queue(queue_port),
      store(store_port),
      clock(clock_port),
      options(opts),
      catalog(own_types),
      workers(store_port, opts.workers),
      tasks(queue_port, catalog, workers, waits, clock_port),
      results(queue_port, store_port, waits, metrics, clock_port, opts.reaper.retry),
      artifacts(store_port, queue_port, workers, waits, metrics, clock_port),
      reaper(queue_port, workers, waits, clock_port, opts.reaper),
      reconciler(queue_port, store_port),
      retention(queue_port, store_port, clock_port, opts.keep_ms) {
  results.on_recorded = [this](const model::Envelope& e, const model::Outcome& outcome) {
    artifacts.finished(e, outcome);
  };
}

Control::~Control() { stop(); }

Status Control::start() {
  SKEP_TRY(store.migrate("workers", WorkerDirectory::migrations()));
  SKEP_TRY(store.migrate("results", ResultService::migrations()));
  SKEP_TRY(store.migrate("reconciler", Reconciler::migrations()));
  SKEP_TRY(store.migrate("artifacts", ArtifactStore::migrations()));
  SKEP_TRY(workers.load());
  SKEP_TRY(artifacts.load());
  for (const auto& w : workers.all()) catalog.learn(w.about.types);
  reaper.start();
  artifacts.start();
  retention.start();
  reconciler.start();
  return {};
}

void Control::stop() {
  retention.stop();
  artifacts.stop();
  reaper.stop();
  reconciler.stop();
}

void Control::apply(const ControlOptions& next) {
  options.set(next);
  workers.set_limits(next.workers);
  results.set_retry(next.reaper.retry);
  reaper.set_options(next.reaper);
  retention.set_keep(next.keep_ms);
}

std::vector<net::Route> Control::routes() { return route_table(*this); }

}  // namespace skep::control
