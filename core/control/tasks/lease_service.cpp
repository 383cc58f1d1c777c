#include "core/control/tasks/lease_service.hpp"

#include <algorithm>

#include "core/control/tasks/lease_owner.hpp"

namespace skep::control {
namespace {

/// Together with one task of the largest size it stays below what a worker's client takes.
constexpr std::uint32_t kClaimBytes = 8u << 20;

std::vector<std::pair<model::Lease, ports::LeaseVerdict>> pair_up(
    const std::vector<ports::Renewal>& tasks, const std::vector<ports::LeaseVerdict>& verdicts) {
  std::vector<std::pair<model::Lease, ports::LeaseVerdict>> out;
  for (std::size_t i = 0; i < tasks.size(); ++i) out.emplace_back(tasks[i].lease, verdicts[i]);
  return out;
}

const model::Lease& lease_in(const model::Lease& lease) { return lease; }
const model::Lease& lease_in(const ports::Renewal& renewal) { return renewal.lease; }

/// What `call` says of the leases that are the worker's own. Another's is none of its business: it
/// hears the same of it as of one that never was.
template <class Item, class Call>
Result<std::vector<ports::LeaseVerdict>> of_own(const std::string& worker_id,
                                                const std::vector<Item>& items, const Call& call) {
  const auto is_own = [&](const Item& item) {
    return may_be_lease_of(worker_id, lease_in(item).lease_id);
  };
  std::vector<Item> own;
  std::copy_if(items.begin(), items.end(), std::back_inserter(own), is_own);
  const auto said = call(own);
  if (!said || own.size() == items.size()) return said;
  std::vector<ports::LeaseVerdict> out;
  auto next = said->begin();
  for (const Item& item : items)
    out.push_back(is_own(item) ? *next++ : ports::LeaseVerdict::kUnknown);
  return out;
}

model::ClaimedTask claimed(model::Task t) {
  return {{t.id, t.attempt, t.lease_id},
          std::move(t.spec.type),
          std::move(t.spec.params),
          std::move(t.spec.idempotency_key),
          t.spec.timeout_ms};
}

}  // namespace

net::Wait LeaseService::wait_of(const std::string& worker_id, std::uint64_t ticket, MonoMs until,
                                bool for_work) {
  net::Wait wait{&platform_.waits.claims, worker_id, ticket, until};
  if (for_work)
    wait.abandoned = [this, worker_id] { WaitingClaims::Turn gone(waiting_, worker_id, false); };
  return wait;
}

Result<LeaseService::Claimed> LeaseService::claim(const std::string& worker_id,
                                                  const api::ClaimRequest& request,
                                                  const Run& run) {
  const std::uint64_t ticket = platform_.waits.claims.ticket(worker_id);
  std::optional<WaitingClaims::Turn> turn;
  if (request.max > 0) turn.emplace(waiting_, worker_id, run.first);
  const WallMs now = platform_.clock.wall_ms();
  const auto worker = directory_.check_in(now, worker_id, request.incarnation);
  if (!worker) return worker.error();
  Claimed out;
  out.reply.claim_id = request.claim_id;
  out.reply.mode = worker->mode;
  out.reply.registry = workers_.registry_revision(*worker);
  out.reply.cancel = directory_.take_voided(worker_id, request.held);
  if (turn && !run.closing && directory_.takes_work(*worker, now)) {
    model::WorkerProfile seat = types_.seat(worker->profile, worker->about.types);
    turn->look(seat);
    auto tasks = platform_.queue.claim(
        now, {std::move(seat), request.max, lease_ms(), marked_claim(worker_id, request.claim_id),
              request.repeated, kClaimBytes});
    if (!tasks) return tasks.error();
    turn->found(*tasks);
    for (auto& t : *tasks) {
      if (auto params = types_.migrated(t.spec, worker->about.types))
        t.spec.params = std::move(*params);
      out.reply.tasks.push_back(claimed(std::move(t)));
    }
  }
  const bool knows_registry = request.registry < 0 || request.registry == out.reply.registry;
  const bool news = !out.reply.tasks.empty() || !out.reply.cancel.empty() || !knows_registry;
  if (news || run.closing || platform_.clock.mono_ms() >= run.until) return out;
  if (turn) turn->wait_on();
  out.wait = wait_of(worker_id, ticket, run.until, turn.has_value());
  return out;
}

Result<api::BeatReply> LeaseService::release(const std::string& worker_id,
                                             const api::ReleaseRequest& request) {
  const WallMs now = platform_.clock.wall_ms();
  const auto worker = directory_.check_in(now, worker_id, request.incarnation);
  if (!worker) return worker.error();
  const auto verdicts =
      of_own(worker_id, request.tasks, [&](const auto& leases) { return release(now, leases); });
  if (!verdicts) return verdicts.error();
  std::vector<ports::Renewal> renewals;
  for (const auto& lease : request.tasks) renewals.push_back({lease, false});
  return api::BeatReply{pair_up(renewals, *verdicts), {}, 0};
}

/// Back to the queue, and on to whoever waits for such tasks.
Result<std::vector<ports::LeaseVerdict>> LeaseService::release(
    WallMs now, std::span<const model::Lease> leases) {
  auto verdicts = platform_.queue.release(now, leases);
  if (!verdicts) return verdicts;
  std::vector<model::Task> free;
  for (std::size_t i = 0; i < leases.size(); ++i) {
    if ((*verdicts)[i] != ports::LeaseVerdict::kHeld) continue;
    ports::TaskQuery query;
    query.id = leases[i].task_id;
    query.limit = 1;
    auto rows = platform_.queue.read(query);
    if (rows && !rows->empty()) free.push_back(std::move(rows->front()));
  }
  waiting_.announce(free);
  return verdicts;
}

Status LeaseService::beat(WallMs now, const WorkerRecord& worker, api::BeatReply& reply) {
  const api::Beat& beat = worker.beat;
  if (beat.tasks.empty())
    return beat.draining && beat.spool_ready == 0 ? release_unseen(now, worker) : Status{};
  const auto verdicts = of_own(worker.profile.id, beat.tasks, [&](const auto& renewals) {
    return platform_.queue.renew(now, renewals, lease_ms());
  });
  if (!verdicts) return verdicts.error();
  reply.tasks = pair_up(beat.tasks, *verdicts);
  return {};
}

Status LeaseService::release_unseen(WallMs now, const WorkerRecord& worker) {
  ports::TaskQuery query;
  query.worker_id = worker.profile.id;
  query.states = {model::TaskState::kClaimed, model::TaskState::kSuspect};
  query.limit = 1'000;
  const auto held = platform_.queue.read(query);
  if (!held) return held.error();
  std::vector<model::Lease> unseen;
  for (const auto& t : *held)
    if (t.incarnation == worker.profile.incarnation)
      unseen.push_back({t.id, t.attempt, t.lease_id});
  if (unseen.empty()) return {};
  const auto released = release(now, unseen);
  return released ? Status{} : Status{released.error()};
}

}  // namespace skep::control
