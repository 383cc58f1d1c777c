#include "core/plugin/adapters/queue.hpp"

#include <optional>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/plugin/adapters/queue_call.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {

using namespace queue_call;
using ports::Enqueued;
using ports::EnqueueVerdict;
using ports::LeaseVerdict;

/// The tokens that callers of wait() hold are ours: a generation's own mean nothing to the next.
struct QueueAdapter::Waited {
  Mutex mutex;
  std::uint64_t token SKEP_GUARDED_BY(mutex) = 0;  ///< 0 = nobody has waited yet
  std::uint64_t generation SKEP_GUARDED_BY(mutex) = 0;
  std::uint64_t theirs SKEP_GUARDED_BY(mutex) = 0;

  /// On the call's thread; `token` becomes the newest.
  skep_rc wait(const skep_queue_v1& t, const Inside& in, Millis timeout, std::uint64_t& token);
};

QueueAdapter::QueueAdapter(std::shared_ptr<RouteHandle> route)
    : route_(std::move(route)), waited_(std::make_shared<Waited>()) {}

QueueAdapter::~QueueAdapter() = default;

Result<std::vector<Enqueued>> QueueAdapter::enqueue(WallMs now,
                                                    std::span<const model::Task> tasks) {
  struct WithRequirements {
    explicit WithRequirements(const model::Task& t)
        : task(t), requirements(requirements_json(t.spec.requirements)) {}
    model::Task task;
    std::string requirements;
  };
  const std::vector<WithRequirements> own(tasks.begin(), tasks.end());
  const auto state = std::make_shared<Judged<WithRequirements, skep_queue_task>>(
      own, [](const WithRequirements& w) { return to_abi(w.task, w.requirements); });
  SKEP_TRY(call_with<skep_queue_v1>(
      *route_, step("enqueue"), state,
      [now](auto& t, const Inside& i, auto& s) {
        return t.enqueue(i.inst, i.call, now, s.in.data(), s.count(), &s.sink, i.err);
      },
      [&] { return state->got.check(SKEP_ENQUEUE_CONFLICT); }));
  std::vector<Enqueued> out;
  out.reserve(tasks.size());
  for (auto& g : state->got.given)
    out.push_back({static_cast<EnqueueVerdict>(g->verdict), std::move(g->note)});
  return out;
}

Result<std::vector<model::Task>> QueueAdapter::claim(WallMs now, const ports::ClaimFilter& filter) {
  const auto state = std::make_shared<Asked<ports::ClaimFilter>>(filter);
  return rows_of(*route_, step("claim"), state, [now](auto& t, const Inside& i, auto& s) {
    const ports::ClaimFilter& f = s.input;
    const std::vector<skep_view> types = views(f.worker.types);
    const std::vector<skep_view> capabilities = views(f.worker.capabilities);
    skep_queue_filter in{};
    in.size = sizeof(in);
    in.max = f.max;
    in.worker_id = to_view(f.worker.id);
    in.incarnation = to_view(f.worker.incarnation);
    in.site = to_view(f.worker.site);
    in.types = types.data();
    in.type_count = count_of(types.size());
    in.capability_count = count_of(capabilities.size());
    in.capabilities = capabilities.data();
    in.lease_ms = f.lease_ms;
    in.claim_id = to_view(f.claim_id);
    in.repeated = f.repeated ? 1 : 0;
    in.max_bytes = f.max_bytes;
    return t.claim(i.inst, i.call, now, &in, &s.sink, i.err);
  });
}

Result<std::vector<LeaseVerdict>> QueueAdapter::renew(WallMs now,
                                                      std::span<const ports::Renewal> renewals,
                                                      std::int64_t lease_ms) {
  const auto state = std::make_shared<Judged<ports::Renewal, skep_queue_lease>>(
      renewals, [](const ports::Renewal& r) { return to_abi(r.lease, r.executing); });
  return verdicts_of(*route_, step("renew"), state, LeaseVerdict::kUnknown,
                     [now, lease_ms](auto& t, const Inside& i, auto& s) {
                       return t.renew(i.inst, i.call, now, s.in.data(), s.count(), lease_ms,
                                      &s.sink, i.err);
                     });
}

Result<std::vector<model::Verdict>> QueueAdapter::complete(
    WallMs now, std::span<const ports::ResultRecord> results) {
  const auto state = std::make_shared<Judged<ports::ResultRecord, skep_queue_result>>(
      results, [](const ports::ResultRecord& r) { return to_abi(r); });
  return verdicts_of(*route_, step("complete"), state, model::Verdict::kWrongWorker,
                     [now](auto& t, const Inside& i, auto& s) {
                       return t.complete(i.inst, i.call, now, s.in.data(), s.count(), &s.sink,
                                         i.err);
                     });
}

Result<std::vector<LeaseVerdict>> QueueAdapter::release(WallMs now,
                                                        std::span<const model::Lease> leases) {
  const auto state = std::make_shared<Judged<model::Lease, skep_queue_lease>>(
      leases, [](const model::Lease& lease) { return to_abi(lease, false); });
  return verdicts_of(*route_, step("release"), state, LeaseVerdict::kUnknown,
                     [now](auto& t, const Inside& i, auto& s) {
                       return t.release(i.inst, i.call, now, s.in.data(), s.count(), &s.sink,
                                        i.err);
                     });
}

Result<WallMs> QueueAdapter::tick(WallMs now, MonoMs monotonic) {
  const auto next = std::make_shared<WallMs>(0);
  SKEP_TRY(call_with<skep_queue_v1>(*route_, step("tick"), next,
                                    [now, monotonic](auto& t, const Inside& i, WallMs& out) {
                                      return t.tick(i.inst, i.call, now, monotonic, &out, i.err);
                                    }));
  return *next;
}

Result<std::vector<model::Task>> QueueAdapter::overdue(WallMs cutoff, std::string_view worker_id,
                                                       std::string_view incarnation) {
  struct Process {
    std::string worker_id;
    std::string incarnation;
  };
  const auto state =
      std::make_shared<Asked<Process>>(Process{std::string(worker_id), std::string(incarnation)});
  return rows_of(*route_, step("overdue"), state, [cutoff](auto& t, const Inside& i, auto& s) {
    return t.overdue(i.inst, i.call, cutoff, to_view(s.input.worker_id),
                     to_view(s.input.incarnation), &s.sink, i.err);
  });
}

Result<std::vector<LeaseVerdict>> QueueAdapter::lose(WallMs now, WallMs cutoff,
                                                     std::span<const ports::Loss> losses) {
  const auto state = std::make_shared<Judged<ports::Loss, skep_queue_loss>>(
      losses, [](const ports::Loss& loss) { return to_abi(loss); });
  return verdicts_of(*route_, step("lose"), state, LeaseVerdict::kUnknown,
                     [now, cutoff](auto& t, const Inside& i, auto& s) {
                       return t.lose(i.inst, i.call, now, cutoff, s.in.data(), s.count(), &s.sink,
                                     i.err);
                     });
}

Result<LeaseVerdict> QueueAdapter::cancel(WallMs now, std::string_view task_id,
                                          std::string_view error_json) {
  const auto state = std::make_shared<OneTask>(task_id, error_json);
  return one_verdict(*route_, step("cancel"), state, [now](auto& t, const Inside& i, auto& s) {
    return t.cancel(i.inst, i.call, now, to_view(s.id), to_view(s.error), &s.sink, i.err);
  });
}

Result<LeaseVerdict> QueueAdapter::requeue(WallMs now, std::string_view task_id,
                                           std::int64_t expected_attempt) {
  const auto state = std::make_shared<OneTask>(task_id);
  return one_verdict(
      *route_, step("requeue"), state, [now, expected_attempt](auto& t, const Inside& i, auto& s) {
        const skep_queue_requeue what{sizeof(what), 0, to_view(s.id), expected_attempt};
        return t.requeue(i.inst, i.call, now, &what, &s.sink, i.err);
      });
}

Result<std::vector<model::Task>> QueueAdapter::read(const ports::TaskQuery& query) {
  const auto state = std::make_shared<Asked<ports::TaskQuery>>(query);
  state->out.max_bytes = query.max_bytes;
  return rows_of(*route_, step("read"), state, [](auto& t, const Inside& i, auto& s) {
    const ports::TaskQuery& q = s.input;
    std::vector<std::uint32_t> states;
    for (const model::TaskState one : q.states) states.push_back(static_cast<std::uint32_t>(one));
    skep_queue_query in{};
    in.size = sizeof(in);
    in.limit = q.limit;
    in.id = to_view(q.id);
    in.type = to_view(q.type);
    in.site = to_view(q.site);
    in.worker_id = to_view(q.worker_id);
    in.states = states.data();
    in.state_count = count_of(states.size());
    in.newest_first = q.newest_first ? 1 : 0;
    in.after_seq = q.after_seq;
    in.idempotency_key = to_view(q.idempotency_key);
    return t.read(i.inst, i.call, &in, &s.sink, i.err);
  });
}

Result<std::vector<ports::AttemptRow>> QueueAdapter::attempts(std::string_view task_id) {
  struct State : Pinned {
    explicit State(std::string_view id) : task_id(id) {}
    const std::string task_id;
    std::vector<ports::AttemptRow> rows{};
    const skep_queue_attempts sink{
        &rows, [](void* ctx, const skep_queue_attempt* theirs) noexcept -> skep_rc {
          skep_queue_attempt row;
          if (skep_read(&row, sizeof(row), theirs, SKEP_SIZE_1_0_QUEUE_ATTEMPT) != SKEP_OK)
            return SKEP_E_CORRUPT;
          return receive([&] {
            static_cast<std::vector<ports::AttemptRow>*>(ctx)->push_back(to_attempt(row));
          });
        }};
  };
  const auto state = std::make_shared<State>(task_id);
  SKEP_TRY(call_with<skep_queue_v1>(
      *route_, step("attempts"), state, [](auto& t, const Inside& i, State& s) {
        return t.attempts(i.inst, i.call, to_view(s.task_id), &s.sink, i.err);
      }));
  return std::move(state->rows);
}

Result<std::vector<ports::Completion>> QueueAdapter::completions(std::int64_t after,
                                                                 std::uint32_t limit,
                                                                 std::size_t max_bytes) {
  using Completions = Rows<ports::Completion>;
  struct State : Pinned {
    explicit State(std::size_t most) : out{most} {}
    Completions out;
    const skep_queue_completions sink{
        &out, [](void* ctx, std::int64_t sequence, const skep_queue_task* task) noexcept {
          return static_cast<Completions*>(ctx)->take(task, [&](model::Task t) {
            return ports::Completion{sequence, std::move(t)};
          });
        }};
  };
  const auto state = std::make_shared<State>(max_bytes);
  SKEP_TRY(call_with<skep_queue_v1>(
      *route_, step("completions"), state, [after, limit](auto& t, const Inside& i, State& s) {
        return t.completions(i.inst, i.call, after, limit, &s.sink, i.err);
      }));
  return std::move(state->out.rows);
}

Result<std::vector<ports::TaskCount>> QueueAdapter::stats() {
  using Counts = std::vector<ports::TaskCount>;
  struct State : Pinned {
    Counts counts{};
    const skep_queue_counts sink{
        &counts,
        [](void* ctx, std::uint32_t state, skep_view site, skep_view type, std::int64_t count,
           std::int64_t oldest_created_ms) noexcept -> skep_rc {
          if (state >= model::kTaskStates) return SKEP_E_CORRUPT;
          return receive([&] {
            static_cast<Counts*>(ctx)->push_back({static_cast<model::TaskState>(state),
                                                  std::string(text(site)), std::string(text(type)),
                                                  count, oldest_created_ms});
          });
        }};
  };
  const auto state = std::make_shared<State>();
  SKEP_TRY(call_with<skep_queue_v1>(
      *route_, step("stats"), state,
      [](auto& t, const Inside& i, State& s) { return t.stats(i.inst, i.call, &s.sink, i.err); }));
  return std::move(state->counts);
}

skep_rc QueueAdapter::Waited::wait(const skep_queue_v1& t, const Inside& in, Millis timeout,
                                   std::uint64_t& newest) {
  std::uint64_t own = 0;
  MutexLock lock(mutex);
  if (token == 0) {
    lock.unlock();
    if (const skep_rc rc = t.wait(in.inst, in.call, 0, &own, in.err); rc != SKEP_OK) return rc;
    lock.lock();
    if (token == 0) {
      token = 1;
      generation = in.number;
      theirs = own;
    }
  }
  const std::uint64_t known = std::exchange(newest, token);
  if (known != token) return SKEP_OK;
  own = in.number == generation ? theirs : 0;
  lock.unlock();
  if (const skep_rc rc = t.wait(in.inst, in.call, timeout.count(), &own, in.err); rc != SKEP_OK)
    return rc;
  lock.lock();
  const bool news = own != theirs || in.number != generation;
  if (known == token && news) {
    ++token;
    generation = in.number;
    theirs = own;
  }
  newest = token;
  return SKEP_OK;
}

Result<std::uint64_t> QueueAdapter::wait(Millis timeout, std::uint64_t token) {
  struct State {
    std::shared_ptr<Waited> waited;
    std::uint64_t token;
  };
  const auto state = std::make_shared<State>(State{waited_, token});
  SKEP_TRY(call_with<skep_queue_v1>(*route_, {"wait", timeout + route_->limits.beyond_wait}, state,
                                    [timeout](auto& t, const Inside& i, State& s) {
                                      return s.waited->wait(t, i, timeout, s.token);
                                    }));
  return state->token;
}

Result<std::uint32_t> QueueAdapter::purge(WallMs before, std::int64_t sequence,
                                          std::uint32_t limit) {
  const auto removed = std::make_shared<std::uint32_t>(0);
  SKEP_TRY(call_with<skep_queue_v1>(*route_, {"purge", route_->limits.sweep}, removed,
                                    [=](auto& t, const Inside& i, std::uint32_t& out) {
                                      return t.purge(i.inst, i.call, before, sequence, limit, &out,
                                                     i.err);
                                    }));
  return *removed;
}

}  // namespace skep::plugin
