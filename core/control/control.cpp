#include "core/control/control.hpp"

#include <algorithm>

#include "core/base/descriptors.hpp"
#include "core/control/process.hpp"
#include "core/control/workers/workers.hpp"

namespace skep::control {

namespace {

/// A queue in which tasks have ended had workers, and whoever had workers knows them: a store that
/// never did is another one, without the credentials and releases of theirs.
Status check_store_is_the_queues(Platform& platform) {
  const auto at = Reconciler::cursor(platform.store);
  if (!at) return at.error();
  const auto worker =
      platform.store.query({"SELECT worker_id FROM workers WHERE worker_id > '' LIMIT 1"});
  if (!worker) return worker.error();
  if (*at != 0 || !worker->empty()) return {};
  constexpr std::uint32_t kPage = 500;
  bool ran = false;
  for (std::int64_t seen = 0; !ran;) {
    const auto ended = platform.queue.completions(seen, kPage, 4 << 20);
    if (!ended) return ended.error();
    if (ended->empty()) return {};
    ran =
        std::any_of(ended->begin(), ended->end(), [](const auto& c) { return c.task.attempt > 0; });
    seen = ended->back().sequence;
  }
  return Error{
      Code::kState,
      "the store knows no worker, and the queue has tasks that some have run: the store is new, or "
      "that of another queue",
      "store-lost", "restore both from one backup, or set both aside to begin anew"};
}

}  // namespace

Control::Control(ports::Queue& queue, ports::Store& store, Clock& clock,
                 const config::Config& config, const std::vector<ports::TaskType>& own_types)
    : queue_(queue),
      store_(store),
      platform_{queue_, store_, clock},
      features_(make_features(platform_, config, own_types)),
      reconciler_(queue_, store_, features_),
      probes_(make_probes(platform_, queue_.damage(), store_.damage())) {
  platform_.checks = [this] { return checks(); };
  for (const auto& f : features_) feature<Workers>().service.listen(f->worker_hooks());
}

Control::~Control() { stop(); }

Status Control::prepare() {
  SKEP_TRY(platform_.store.migrate("reconciler", Reconciler::migrations()));
  SKEP_TRY(platform_.store.migrate("settled_time", SettledTime::migrations()));
  for (const auto& f : features_)
    for (const Migrations& line : f->migrations())
      SKEP_TRY(platform_.store.migrate(line.name, line.statements));
  SKEP_TRY(Reconciler::check(platform_.queue, platform_.store));
  SKEP_TRY(check_store_is_the_queues(platform_));
  for (const auto& f : features_) SKEP_TRY(f->load());
  return {};
}

Status Control::start() {
  SKEP_TRY(prepare());
  for (const auto& f : features_)
    for (Service* service : f->services()) service->start();
  reconciler_.start();
  look();
  for (const auto& probe : probes_) probe->start();
  return {};
}

void Control::stop() {
  for (const auto& probe : probes_) probe->stop();
  reconciler_.stop();
  for (auto f = features_.rbegin(); f != features_.rend(); ++f) {
    auto services = (*f)->services();
    std::for_each(services.rbegin(), services.rend(), [](Service* s) { s->stop(); });
  }
}

void Control::also_probe(std::string_view name, Probe::Ask ask) {
  probes_.push_back(std::make_unique<Probe>(name, std::move(ask), platform_.clock));
}

void Control::apply(const config::Config& config) {
  for (const auto& f : features_) f->apply(config);
}

std::vector<api::Health::Check> Control::checks() {
  std::vector<api::Health::Check> out;
  const auto add = [&](const Check& check) {
    out.push_back({std::string(check.name), check.status ? "" : check.status.error().message});
  };
  for (const auto& probe : probes_) add(probe->check());
  for (const auto& f : features_)
    for (const Check& check : f->checks()) add(check);
  out.push_back({"descriptors", descriptor_trouble()});
  return out;
}

void Control::look() {
  for (const auto& probe : probes_) probe->look();
}

std::vector<net::Route> Control::routes() {
  std::vector<net::Route> table{metrics_route(platform_, http_metrics_, features_)};
  for (const auto& f : features_)
    for (net::Route& route : f->routes()) table.push_back(std::move(route));
  return table;
}

}  // namespace skep::control
