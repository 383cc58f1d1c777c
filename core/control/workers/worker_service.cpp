#include "core/control/workers/worker_service.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "core/api/worker_refusals.hpp"
#include "core/base/id.hpp"
#include "core/base/log.hpp"
#include "core/base/utf8.hpp"

namespace skep::control {
namespace {

/// Words of routes beside /api/workers/{id}.
constexpr std::array<std::string_view, 4> kReservedIds{"health", "metrics", "register", "results"};

Status check_registration(const api::Registration& r) {
  if (!is_name(r.worker_id))
    return invalid("registration: worker_id must be letters, digits, '.', '_' or '-', at most 128");
  if (std::find(kReservedIds.begin(), kReservedIds.end(), r.worker_id) != kReservedIds.end())
    return invalid("registration: \"" + r.worker_id + "\" is a reserved word, not a worker id");
  if (!is_name(r.site))
    return invalid("registration: site must be letters, digits, '.', '_' or '-', at most 128");
  if (r.concurrency < 1 || r.concurrency > 1024)
    return invalid("registration: concurrency must be 1 to 1024");
  for (const auto& [name, on] : r.capabilities)
    if (!is_name(name))
      return invalid("registration: capability \"" + std::string(clip_utf8(name, 128)) +
                     "\" is no name: letters, digits, dots, underlines and hyphens");
  constexpr std::size_t kMostTypes = 256;
  std::set<std::string_view> types;
  const auto all = api::types_and_withheld(r);  // `types` refers to them
  for (const ports::TaskType& type : all)
    if (!types.insert(type.name).second || types.size() > kMostTypes)
      return invalid("registration: types and withheld: each name once, at most " +
                     std::to_string(kMostTypes));
  if (r.protocol_min > api::kProtocolMax || r.protocol_max < api::kProtocolMin)
    return Error{Code::kState,
                 "worker speaks protocol " + std::to_string(r.protocol_min) + " to " +
                     std::to_string(r.protocol_max) + ", this control plane " +
                     std::to_string(api::kProtocolMin) + " to " + std::to_string(api::kProtocolMax),
                 std::string(api::kProtocolMismatch),
                 "upgrade the control plane first, then the workers"};
  return {};
}

NewEvent registered(WallMs at, const api::Registration& r, bool known) {
  return {at,
          "worker.registered",
          r.worker_id,
          worker_actor(r.worker_id),
          {{"site", r.site}, {"version", r.version}, {"host", r.host}, {"restarted", known}}};
}

std::string_view event_of(api::WorkerMode mode) {
  switch (mode) {
    case api::WorkerMode::kActive:
      return "worker.resumed";
    case api::WorkerMode::kPaused:
      return "worker.paused";
    case api::WorkerMode::kDraining:
      return "worker.draining";
  }
  return "worker.resumed";
}

}  // namespace

/// May whoever calls have this id for this process? A delayed copy of what an older process said
/// must not end the one that lives, nor may somebody who only knows the join token.
Status WorkerService::check_claim_to_id(const api::Registration& r, const net::Caller& caller,
                                        const std::optional<WorkerRecord>& before,
                                        WallMs now) const {
  if (caller.kind == net::Caller::Kind::kWorker && caller.name != r.worker_id)
    return Error{
        Code::kDenied,
        "this is the credential of worker \"" + caller.name + "\", not of \"" + r.worker_id + "\"",
        "not-your-worker"};
  const bool said_goodbye = before && before->beat.draining && before->beat.busy == 0;
  if (!before || said_goodbye || !directory_.is_there(*before, now)) return {};
  const std::string there = "worker \"" + r.worker_id + "\" is there (host " + before->about.host +
                            ", pid " + std::to_string(before->about.pid) + ")";
  // It may say so again when its reply was lost; one that has used its credential knows it.
  if (caller.kind == net::Caller::Kind::kNewcomer && credentials_.is_proven(r.worker_id))
    return Error{Code::kState, there + " and has a credential, which this process has not",
                 std::string(api::kWorkerThere),
                 "give each worker its own [node] id, and keep its state_dir"};
  if (before->profile.incarnation == r.incarnation) return {};
  if (is_older_id(r.incarnation, before->profile.incarnation))
    return Error{Code::kState, there + " as a process that started later than this one",
                 std::string(api::kNewerProcess),
                 "stop that one; or look at the clocks of both machines"};
  if (caller.kind == net::Caller::Kind::kNewcomer)
    return Error{Code::kState, there + ", as another process", std::string(api::kWorkerThere),
                 "give each worker its own [node] id, and keep its state_dir"};
  return {};
}

Result<api::RegistrationReply> WorkerService::enrol(const api::Registration& registration,
                                                    const net::Caller& caller) {
  SKEP_TRY(check_registration(registration));
  SKEP_TRY(check_claim_to_id(registration, caller, directory_.peek(registration.worker_id),
                             platform_.clock.wall_ms()));
  for (const WorkerHooks& hooks : hooks_)
    if (hooks.registering) SKEP_TRY(hooks.registering(registration));
  MutexLock change(changes_);
  const auto before = directory_.peek(registration.worker_id);
  const WallMs at = platform_.clock.wall_ms();
  SKEP_TRY(check_claim_to_id(registration, caller, before, at));
  const bool is_new = !before || before->profile.incarnation != registration.incarnation;
  std::vector<NewEvent> event;
  if (is_new) event.push_back(registered(at, registration, before.has_value()));
  auto statements = events_.statements(event);
  std::optional<WorkerCredentials::Issue> issue;
  const auto believed = platform_.settled.now();
  if (!believed) return believed.error();
  if (is_new || caller.kind != net::Caller::Kind::kWorker ||
      credentials_.is_due(*believed, registration.worker_id)) {
    issue = credentials_.issue(*believed, registration.worker_id);
    issue->to_newcomer = caller.kind != net::Caller::Kind::kWorker;
    statements.push_back(issue->statement);
  }
  const auto replaced = directory_.enrol(at, registration, std::move(statements));
  if (replaced && issue) credentials_.commit(*issue);
  change.unlock();
  if (!replaced) return replaced.error();
  if (credentials_.is_proven(registration.worker_id)) directory_.vouch(registration.worker_id);
  events_.committed();
  const auto now = directory_.find(registration.worker_id);
  if (!now) return now.error();
  log::info("worker_registered", {{"worker_id", registration.worker_id},
                                  {"site", registration.site},
                                  {"version", registration.version},
                                  {"restarted", !replaced->empty()}});
  api::RegistrationReply reply;
  if (issue) reply.credential = issue->credential;
  for (const WorkerHooks& hooks : hooks_)
    if (hooks.registered) SKEP_TRY(hooks.registered(*now, before ? &*before : nullptr, reply));
  // The claim of a process that registers again waits under what it was before.
  if (before && before->profile.incarnation == registration.incarnation)
    platform_.waits.wake_worker(registration.worker_id);
  return reply;
}

Result<api::BeatReply> WorkerService::beat(const std::string& worker_id, const api::Beat& beat) {
  const WallMs now = platform_.clock.wall_ms();
  const auto before = directory_.peek(worker_id);
  const bool was_silent = before && !directory_.takes_work(*before, now);
  const auto worker = directory_.check_in(now, worker_id, beat.incarnation, &beat);
  if (!worker) return worker.error();
  if (credentials_.is_proven(worker_id)) directory_.vouch(worker_id);
  if (const Status settled = credentials_.settle(worker_id); !settled)
    log::warn("worker_credential_unsettled",
              {{"worker_id", worker_id}, {"error", settled.error().message}});
  // Its claim waits since before it fell silent: now there may be work for it again.
  if (was_silent) platform_.waits.wake_worker(worker_id);
  api::BeatReply reply;
  reply.mode = worker->mode;
  reply.registry = registry_revision(*worker);
  for (const WorkerHooks& hooks : hooks_)
    if (hooks.beat) SKEP_TRY(hooks.beat(now, *worker, reply));
  return reply;
}

Result<WorkerRecord> WorkerService::set_mode(const std::string& worker_id, api::WorkerMode mode,
                                             const std::string& actor) {
  MutexLock change(changes_);
  const auto before = directory_.find(worker_id);
  if (!before) return before.error();
  std::vector<NewEvent> event;
  if (before->mode != mode)
    event.push_back({platform_.clock.wall_ms(),
                     event_of(mode),
                     worker_id,
                     actor,
                     {{"site", before->profile.site}}});
  SKEP_TRY(directory_.set_mode(worker_id, mode, events_.statements(event)));
  change.unlock();
  events_.committed();
  log::info("worker_mode_set", {{"worker_id", worker_id}, {"mode", api::to_string(mode)}});
  platform_.waits.wake_worker(worker_id);
  return directory_.find(worker_id);
}

Status WorkerService::remove(const std::string& worker_id, const std::string& actor) {
  MutexLock change(changes_);
  const auto before = directory_.find(worker_id);
  if (!before) return before.error();
  const WallMs now = platform_.clock.wall_ms();
  const std::vector<NewEvent> event{
      {now, "worker.removed", worker_id, actor, {{"site", before->profile.site}}}};
  auto statements = events_.statements(event);
  statements.push_back(WorkerCredentials::removal(worker_id));
  SKEP_TRY(directory_.remove(now, worker_id, std::move(statements)));
  credentials_.forget(worker_id);
  change.unlock();
  events_.committed();
  for (const WorkerHooks& hooks : hooks_)
    if (hooks.removed) hooks.removed(worker_id);
  log::info("worker_removed", {{"worker_id", worker_id}});
  return {};
}

api::WorkerView WorkerService::view(const WorkerRecord& worker, WallMs now) const {
  api::WorkerView out = directory_.view(worker, now);
  const bool silent = out.presence == Presence::kOffline || out.presence == Presence::kStale;
  for (const WorkerHooks& hooks : hooks_) {
    if (hooks.troubles)
      for (std::string& trouble : hooks.troubles(worker))
        out.troubles.push_back(std::move(trouble));
    out.is_awaited |= silent && hooks.is_patient && hooks.is_patient();
  }
  return out;
}

std::int64_t WorkerService::registry_revision(const WorkerRecord& worker) const {
  for (const WorkerHooks& hooks : hooks_)
    if (hooks.registry_revision) return hooks.registry_revision(worker);
  return -1;
}

}  // namespace skep::control
