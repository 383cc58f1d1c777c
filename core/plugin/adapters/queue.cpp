#include "core/plugin/adapters/queue.hpp"

#include <optional>

#include "core/plugin/adapters/queue_convert.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

using ports::Enqueued;
using ports::EnqueueVerdict;
using ports::LeaseVerdict;

std::uint32_t count_of(std::size_t n) { return static_cast<std::uint32_t>(n); }

/// Runs a callback's body; nothing may be thrown back into the plugin.
template <class Body>
skep_rc receive(Body&& body) noexcept {
  try {
    body();
    return SKEP_OK;
  } catch (const std::bad_alloc&) {
    return SKEP_E_NO_MEMORY;
  } catch (const std::exception&) {
    return SKEP_E_CORRUPT;  // a document of the plugin that is not JSON
  }
}

/// One verdict per item, in any order; what the plugin left out or invented is its defect.
struct Verdicts {
  struct Given {
    std::int32_t verdict;
    std::string note;
  };
  explicit Verdicts(std::size_t items) : given(items) {}

  skep_queue_verdicts sink() { return {this, take}; }
  static skep_rc take(void* ctx, std::uint32_t index, std::int32_t verdict,
                      skep_view note) noexcept {
    auto& self = *static_cast<Verdicts*>(ctx);
    if (index >= self.given.size()) return SKEP_E_INVALID;
    return receive([&] { self.given[index] = Given{verdict, std::string(text(note))}; });
  }
  Status check(std::int32_t largest) const {
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!given[i])
        return internal_error("the queue plugin gave no verdict for item " + std::to_string(i));
      if (given[i]->verdict < 0 || given[i]->verdict > largest)
        return internal_error("the queue plugin gave the unknown verdict " +
                              std::to_string(given[i]->verdict));
    }
    return {};
  }
  std::vector<std::optional<Given>> given;
};

/// Calls `call(sink, err)` and reads one verdict of type V per item.
template <class V, class Call>
Result<std::vector<V>> verdicts_of(const RouteHandle& handle, std::size_t items, V largest,
                                   Call call) {
  Verdicts got(items);
  const skep_queue_verdicts sink = got.sink();
  SKEP_TRY(enter<skep_queue_v1>(
      handle, [&](auto* t, auto* inst, skep_err* err) { return call(t, inst, &sink, err); },
      [&] { return got.check(static_cast<std::int32_t>(largest)); }));
  std::vector<V> out;
  out.reserve(items);
  for (const auto& g : got.given) out.push_back(static_cast<V>(g->verdict));
  return out;
}

template <class Call>
Result<LeaseVerdict> one_verdict(const RouteHandle& handle, Call call) {
  const auto all = verdicts_of(handle, 1, LeaseVerdict::kUnknown, call);
  if (!all) return all.error();
  return all->front();
}

/// Takes rows until they weigh `max_bytes`, or all with 0.
template <class Row>
struct Rows {
  std::size_t max_bytes = 0;
  std::size_t bytes = 0;
  std::vector<Row> rows{};

  template <class Make>
  skep_rc take(const skep_queue_task& task, Make make) noexcept {
    if (task.state >= model::kTaskStates) return SKEP_E_CORRUPT;
    const skep_rc rc = receive([&] { rows.push_back(make(to_task(task))); });
    bytes += task.params.n + task.result.n + task.error.n;
    return rc == SKEP_OK && max_bytes > 0 && bytes >= max_bytes ? SKEP_ENOUGH : rc;
  }
};

skep_rc take_row(void* out, const skep_queue_task* row) noexcept {
  return static_cast<Rows<model::Task>*>(out)->take(*row, [](model::Task t) { return t; });
}

template <class Call>
Result<std::vector<model::Task>> rows_of(const RouteHandle& handle, Call call,
                                         std::size_t max_bytes = 0) {
  Rows<model::Task> out{max_bytes};
  const skep_queue_rows sink{&out, take_row};
  SKEP_TRY(enter<skep_queue_v1>(
      handle, [&](auto* t, auto* inst, skep_err* err) { return call(t, inst, &sink, err); }));
  return std::move(out.rows);
}

std::vector<skep_view> views(const std::vector<std::string>& names) {
  std::vector<skep_view> out;
  out.reserve(names.size());
  for (const std::string& name : names) out.push_back(to_view(name));
  return out;
}

template <class Abi, class In, class Convert>
std::vector<Abi> convert_all(std::span<const In> in, Convert convert) {
  std::vector<Abi> out;
  out.reserve(in.size());
  for (const In& item : in) out.push_back(convert(item));
  return out;
}

}  // namespace

Result<std::vector<Enqueued>> QueueAdapter::enqueue(WallMs now,
                                                    std::span<const model::Task> tasks) {
  std::vector<std::string> requirements;
  requirements.reserve(tasks.size());
  std::vector<skep_queue_task> in;
  in.reserve(tasks.size());
  for (const model::Task& task : tasks)
    in.push_back(
        to_abi(task, requirements.emplace_back(requirements_json(task.spec.requirements))));
  Verdicts got(tasks.size());
  const skep_queue_verdicts sink = got.sink();
  SKEP_TRY(enter<skep_queue_v1>(
      *route_,
      [&](auto* t, auto* inst, skep_err* err) {
        return t->enqueue(inst, now, in.data(), count_of(in.size()), &sink, err);
      },
      [&] { return got.check(SKEP_ENQUEUE_CONFLICT); }));
  std::vector<Enqueued> out;
  for (auto& g : got.given)
    out.push_back({static_cast<EnqueueVerdict>(g->verdict), std::move(g->note)});
  return out;
}

Result<std::vector<model::Task>> QueueAdapter::claim(WallMs now, const ports::ClaimFilter& filter) {
  const std::vector<skep_view> types = views(filter.worker.types);
  const std::vector<skep_view> capabilities = views(filter.worker.capabilities);
  skep_queue_filter in{};
  in.size = sizeof(in);
  in.max = filter.max;
  in.worker_id = to_view(filter.worker.id);
  in.incarnation = to_view(filter.worker.incarnation);
  in.site = to_view(filter.worker.site);
  in.types = types.data();
  in.type_count = count_of(types.size());
  in.capability_count = count_of(capabilities.size());
  in.capabilities = capabilities.data();
  in.lease_ms = filter.lease_ms;
  in.claim_id = to_view(filter.claim_id);
  in.repeated = filter.repeated ? 1 : 0;
  in.max_bytes = filter.max_bytes;
  return rows_of(*route_, [&](auto* t, auto* inst, const skep_queue_rows* rows, skep_err* err) {
    return t->claim(inst, now, &in, rows, err);
  });
}

Result<std::vector<LeaseVerdict>> QueueAdapter::renew(WallMs now,
                                                      std::span<const ports::Renewal> renewals,
                                                      std::int64_t lease_ms) {
  const auto in = convert_all<skep_queue_lease>(
      renewals, [](const ports::Renewal& r) { return to_abi(r.lease, r.executing); });
  return verdicts_of(*route_, in.size(), LeaseVerdict::kUnknown,
                     [&](auto* t, auto* inst, const auto* sink, skep_err* err) {
                       return t->renew(inst, now, in.data(), count_of(in.size()), lease_ms, sink,
                                       err);
                     });
}

Result<std::vector<model::Verdict>> QueueAdapter::complete(
    WallMs now, std::span<const ports::ResultRecord> results) {
  const auto in = convert_all<skep_queue_result>(
      results, [](const ports::ResultRecord& r) { return to_abi(r); });
  return verdicts_of(*route_, in.size(), model::Verdict::kWrongWorker,
                     [&](auto* t, auto* inst, const auto* sink, skep_err* err) {
                       return t->complete(inst, now, in.data(), count_of(in.size()), sink, err);
                     });
}

Result<std::vector<LeaseVerdict>> QueueAdapter::release(WallMs now,
                                                        std::span<const model::Lease> leases) {
  const auto in = convert_all<skep_queue_lease>(
      leases, [](const model::Lease& lease) { return to_abi(lease, false); });
  return verdicts_of(*route_, in.size(), LeaseVerdict::kUnknown,
                     [&](auto* t, auto* inst, const auto* sink, skep_err* err) {
                       return t->release(inst, now, in.data(), count_of(in.size()), sink, err);
                     });
}

Result<WallMs> QueueAdapter::tick(WallMs now) {
  WallMs next = 0;
  SKEP_TRY(enter<skep_queue_v1>(
      *route_, [&](auto* t, auto* inst, skep_err* err) { return t->tick(inst, now, &next, err); }));
  return next;
}

Result<std::vector<model::Task>> QueueAdapter::overdue(WallMs cutoff, std::string_view worker_id,
                                                       std::string_view incarnation) {
  return rows_of(*route_, [&](auto* t, auto* inst, const skep_queue_rows* rows, skep_err* err) {
    return t->overdue(inst, cutoff, to_view(worker_id), to_view(incarnation), rows, err);
  });
}

Result<std::vector<LeaseVerdict>> QueueAdapter::lose(WallMs now, WallMs cutoff,
                                                     std::span<const ports::Loss> losses) {
  const auto in =
      convert_all<skep_queue_loss>(losses, [](const ports::Loss& loss) { return to_abi(loss); });
  return verdicts_of(*route_, in.size(), LeaseVerdict::kUnknown,
                     [&](auto* t, auto* inst, const auto* sink, skep_err* err) {
                       return t->lose(inst, now, cutoff, in.data(), count_of(in.size()), sink, err);
                     });
}

Result<LeaseVerdict> QueueAdapter::cancel(WallMs now, std::string_view task_id,
                                          std::string_view error_json) {
  return one_verdict(*route_, [&](auto* t, auto* inst, const auto* sink, skep_err* err) {
    return t->cancel(inst, now, to_view(task_id), to_view(error_json), sink, err);
  });
}

Result<LeaseVerdict> QueueAdapter::requeue(WallMs now, std::string_view task_id) {
  return one_verdict(*route_, [&](auto* t, auto* inst, const auto* sink, skep_err* err) {
    return t->requeue(inst, now, to_view(task_id), sink, err);
  });
}

Result<std::vector<model::Task>> QueueAdapter::read(const ports::TaskQuery& query) {
  std::vector<std::uint32_t> states;
  for (const model::TaskState state : query.states)
    states.push_back(static_cast<std::uint32_t>(state));
  skep_queue_query in{};
  in.size = sizeof(in);
  in.limit = query.limit;
  in.id = to_view(query.id);
  in.type = to_view(query.type);
  in.site = to_view(query.site);
  in.worker_id = to_view(query.worker_id);
  in.states = states.data();
  in.state_count = count_of(states.size());
  in.newest_first = query.newest_first ? 1 : 0;
  in.after_seq = query.after_seq;
  return rows_of(
      *route_,
      [&](auto* t, auto* inst, const skep_queue_rows* rows, skep_err* err) {
        return t->read(inst, &in, rows, err);
      },
      query.max_bytes);
}

Result<std::vector<ports::AttemptRow>> QueueAdapter::attempts(std::string_view task_id) {
  using Rows = std::vector<ports::AttemptRow>;
  Rows out;
  const skep_queue_attempts sink{
      &out, [](void* ctx, const skep_queue_attempt* row) noexcept {
        return receive([&] { static_cast<Rows*>(ctx)->push_back(to_attempt(*row)); });
      }};
  SKEP_TRY(enter<skep_queue_v1>(*route_, [&](auto* t, auto* inst, skep_err* err) {
    return t->attempts(inst, to_view(task_id), &sink, err);
  }));
  return out;
}

Result<std::vector<ports::Completion>> QueueAdapter::completions(std::int64_t after,
                                                                 std::uint32_t limit,
                                                                 std::size_t max_bytes) {
  using Completions = Rows<ports::Completion>;
  Completions out{max_bytes};
  const skep_queue_completions sink{
      &out, [](void* ctx, std::int64_t sequence, const skep_queue_task* task) noexcept -> skep_rc {
        return static_cast<Completions*>(ctx)->take(*task, [&](model::Task t) {
          return ports::Completion{sequence, std::move(t)};
        });
      }};
  SKEP_TRY(enter<skep_queue_v1>(*route_, [&](auto* t, auto* inst, skep_err* err) {
    return t->completions(inst, after, limit, &sink, err);
  }));
  return std::move(out.rows);
}

Result<std::vector<ports::TaskCount>> QueueAdapter::stats() {
  using Rows = std::vector<ports::TaskCount>;
  Rows out;
  const skep_queue_counts sink{
      &out,
      [](void* ctx, std::uint32_t state, skep_view site, skep_view type, std::int64_t count,
         std::int64_t oldest_created_ms) noexcept -> skep_rc {
        if (state >= model::kTaskStates) return SKEP_E_CORRUPT;
        return receive([&] {
          static_cast<Rows*>(ctx)->push_back({static_cast<model::TaskState>(state),
                                              std::string(text(site)), std::string(text(type)),
                                              count, oldest_created_ms});
        });
      }};
  SKEP_TRY(enter<skep_queue_v1>(
      *route_, [&](auto* t, auto* inst, skep_err* err) { return t->stats(inst, &sink, err); }));
  return out;
}

Result<std::uint64_t> QueueAdapter::wait(Millis timeout, std::uint64_t token) {
  std::uint64_t now = 0;
  SKEP_TRY(enter_with<skep_queue_v1>(
      *route_, [&](auto* t, auto* inst, std::uint64_t generation, skep_err* err) -> skep_rc {
        std::uint64_t theirs = 0;
        MutexLock lock(waited_mutex_);
        if (waited_.token == 0) {
          lock.unlock();
          if (const skep_rc rc = t->wait(inst, 0, &theirs, err); rc != SKEP_OK) return rc;
          lock.lock();
          if (waited_.token == 0) waited_ = {1, generation, theirs};
        }
        now = waited_.token;
        if (token != now) return SKEP_OK;
        theirs = generation == waited_.generation ? waited_.theirs : 0;
        lock.unlock();
        const skep_rc rc = t->wait(inst, timeout.count(), &theirs, err);
        if (rc != SKEP_OK) return rc;
        lock.lock();
        const bool news = theirs != waited_.theirs || generation != waited_.generation;
        if (token == waited_.token && news) waited_ = {token + 1, generation, theirs};
        now = waited_.token;
        return SKEP_OK;
      }));
  return now;
}

Result<std::uint32_t> QueueAdapter::purge(WallMs before, std::int64_t sequence,
                                          std::uint32_t limit) {
  std::uint32_t removed = 0;
  SKEP_TRY(enter<skep_queue_v1>(*route_, [&](auto* t, auto* inst, skep_err* err) {
    return t->purge(inst, before, sequence, limit, &removed, err);
  }));
  return removed;
}

}  // namespace skep::plugin
