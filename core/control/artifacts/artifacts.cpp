#include "core/control/artifacts/artifacts.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/base/file.hpp"
#include "core/base/log.hpp"
#include "core/control/tasks/lease_owner.hpp"

namespace skep::control {
namespace {

constexpr Millis kBetweenSweeps{60'000};
constexpr Millis kBetweenParts{50};
constexpr int kRoundsToEverything = 60;
constexpr std::int64_t kForgottenAtOnce = 500;
/// Who was told that a content is here, or half of it, has so long to make use of it.
constexpr std::int64_t kIdleMs = 86'400'000;
constexpr std::size_t kHomeBytes = 256;

std::uint64_t bytes_of(double mb) { return static_cast<std::uint64_t>(mb * 1024 * 1024); }

}  // namespace

ArtifactSettings artifact_settings(const config::Config& config) {
  const ArtifactConfig& c = config.artifacts;
  ArtifactSettings s;
  s.limits = {bytes_of(c.artifact_mb), bytes_of(c.artifacts_quota_mb),
              bytes_of(c.artifacts_free_mb)};
  if (config.tasks.retention_days > 0)
    s.keep_ms = std::max<std::int64_t>(1, seconds_to_ms(config.tasks.retention_days * 86'400));
  return s;
}

Artifacts::Artifacts(Platform& p, const config::Config& config)
    : platform(p),
      blobs(config.node.state_dir + "/artifacts", artifact_settings(config).limits),
      ledger(p.store),
      keep_ms_(artifact_settings(config).keep_ms),
      sweeper_(*this) {}

std::vector<Migrations> Artifacts::migrations() const {
  return {{"task_artifacts", ArtifactLedger::migrations()}};
}

Status Artifacts::load() {
  SKEP_TRY(blobs.load());
  return settle_home(false);
}

Result<api::BlobProgress> Artifacts::take(const std::string& sha256, std::uint64_t size,
                                          std::uint64_t offset, std::string_view bytes) {
  if (!home_known_) SKEP_TRY(settle_home(true));
  return blobs.append(sha256, size, offset, bytes);
}

/// The contents belong to one database. Beside another, a new or a restored one, all of them would
/// look as if nobody needed them.
Status Artifacts::settle_home(bool make) {
  const MutexLock lock(home_mutex_);
  const auto id = ledger.database_id();
  if (!id) return id.error();
  const std::string file = blobs.folder() + "/database";
  const auto held = blobs.held();
  const auto known = load_file(file, kHomeBytes);
  if (!known && known.error().code != Code::kNotFound) return known.error();
  if (!known && held.empty()) {
    if (!make) return {};
    if (::mkdir(blobs.folder().c_str(), 0700) != 0 && errno != EEXIST)
      return folder_error(blobs.folder(), errno);
    SKEP_TRY(replace_file(file, *id, 0600));
  }
  home_known_ = true;
  may_sweep_ = !known ? held.empty() : *known == *id;
  if (may_sweep_) return {};
  log::warn("artifacts_of_another_database",
            {{"folder", blobs.folder()},
             {"contents", held.size()},
             {"effect", "they are served, and none is removed"},
             {"next", "when this database is the right one: write " + *id + " into " + file}});
  return {};
}

Status Artifacts::admit(const std::vector<ArtifactLedger::Pin>& pins) {
  for (const auto& pin : pins)
    for (const model::Input& input : pin.inputs) {
      const auto there = blobs.progress(input.sha256);
      if (!there) return there.error();
      if (!there->complete || there->received != input.size)
        return Error{
            Code::kInvalid,
            "the input " + input.sha256 + " of " + std::to_string(input.size) +
                " bytes is not here: " + (there->complete ? "that content has " : "there came ") +
                std::to_string(there->received),
            "unknown-input", "PUT /api/blobs/" + input.sha256 + " brings it"};
    }
  return ledger.pin(pins, platform.clock.wall_ms());
}

Status Artifacts::check_task(const std::string& task_id) {
  ports::TaskQuery query;
  query.id = task_id;
  query.limit = 1;
  const auto rows = platform.queue.read(query);
  if (!rows) return rows.error();
  if (!rows->empty()) return {};
  return not_found("task", task_id).named("unknown-task").with_next("skep task list");
}

Status Artifacts::check_attempt(const net::Caller& caller, const model::Lease& lease) {
  const Error stranger{Code::kDenied,
                       "attempt " + std::to_string(lease.attempt) + " of task " + lease.task_id +
                           " is not this worker's",
                       "wrong-worker"};
  const bool worker = caller.kind == net::Caller::Kind::kWorker;
  if (worker && !may_be_lease_of(caller.name, lease.lease_id)) return stranger;
  const auto attempts = platform.queue.attempts(lease.task_id);
  if (!attempts) return attempts.error();
  const bool known = std::any_of(attempts->begin(), attempts->end(), [&](const auto& a) {
    return a.attempt == lease.attempt && a.lease_id == lease.lease_id &&
           (!worker || a.worker_id == caller.name);
  });
  return known ? Status{} : Status{stranger};
}

Status Artifacts::effects(std::span<const ports::Completion> ended, Effects& out) {
  for (const auto& c : ended) ArtifactLedger::ended(c, platform.clock.wall_ms(), out);
  return {};
}

Status Artifacts::metrics(std::vector<prometheus::MetricFamily>& out) {
  prometheus::MetricFamily family;
  family.name = "skep_artifact_bytes";
  family.help = "Artifacts and inputs that are kept, each content once.";
  family.type = prometheus::MetricType::Gauge;
  prometheus::ClientMetric metric;
  metric.gauge.value = static_cast<double>(blobs.bytes());
  family.metric.push_back(metric);
  out.push_back(std::move(family));
  return {};
}

void Artifacts::apply(const config::Config& config) {
  const ArtifactSettings s = artifact_settings(config);
  blobs.set_limits(s.limits);
  keep_ms_ = s.keep_ms;
}

/// Inputs of tasks that never came into the queue: a crash lay between.
Status Artifacts::drop_lost_pins() {
  const auto now = platform.settled.now();
  if (!now) return now.error();
  std::string after;
  do {
    const auto tasks = ledger.open_pins(after, *now - kIdleMs, kForgottenAtOnce);
    if (!tasks) return tasks.error();
    after.clear();
    for (const std::string& id : *tasks) {
      const Status known = check_task(id);
      if (!known && known.error().code != Code::kNotFound) return known.error();
      if (!known) SKEP_TRY(ledger.unpin(id));
      after = tasks->size() == kForgottenAtOnce ? id : std::string();
    }
  } while (!after.empty());
  return {};
}

Result<Artifacts::Swept> Artifacts::sweep(bool everything) {
  Swept out;
  const std::int64_t keep = keep_ms_;
  std::vector<BlobFolder::Held> candidates;
  if (keep > 0) {
    const auto now = platform.settled.now();
    if (!now) return now.error();
    const auto contents = ledger.forget(*now - keep, kForgottenAtOnce);
    if (!contents) return contents.error();
    out.rows = contents->size();
    for (const std::string& sha256 : *contents) candidates.push_back({sha256, true, 0, 0});
  }
  if (everything) {
    SKEP_TRY(drop_lost_pins());
    candidates = blobs.held();
  }
  if (!may_sweep_) return out;
  for (const auto& held : candidates) {
    if (held.whole) {
      const auto needed = ledger.is_needed(held.sha256);
      if (!needed) return needed.error();
      if (*needed) continue;
    }
    out.contents += blobs.remove(held, kIdleMs) ? 1 : 0;
  }
  return out;
}

void ArtifactSweeper::run(std::stop_token stop) {
  for (int round = 0; !stop.stop_requested();) {
    const auto swept = artifacts_.sweep(round % kRoundsToEverything == 0);
    if (!swept)
      log::warn("artifacts_not_swept", {{"error", swept.error().message}});
    else if (swept->rows + swept->contents > 0)
      log::info("artifacts_forgotten", {{"artifacts", swept->rows}, {"contents", swept->contents}});
    const bool more = swept && swept->rows > 0;
    if (!more) ++round;
    artifacts_.platform.clock.sleep(more ? kBetweenParts : kBetweenSweeps, stop);
  }
}

}  // namespace skep::control
