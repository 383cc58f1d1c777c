// A queue in the hands of a case of its contract, with a virtual clock, and what the cases say in
// short.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/id.hpp"
#include "core/conformance/kind_case.hpp"
#include "core/model/transitions.hpp"
#include "core/ports/queue.hpp"

namespace skep::conformance {

inline constexpr WallMs kEpoch = 1'700'000'000'000;
inline constexpr std::int64_t kLease = 90'000;
inline constexpr std::int64_t kLostAfter = 300'000;

inline model::Task new_task(const std::string& id, const std::string& type = "t") {
  model::Task task;
  task.id = id;
  task.spec.type = type;
  return task;
}

inline model::WorkerProfile worker(const std::string& id = "w1") {
  return {id, id + "-boot1", "site-a", {}, {"t"}};
}

inline model::Lease lease_of(const model::Task& t) { return {t.id, t.attempt, t.lease_id}; }

inline ports::ResultRecord result_of(const model::Task& t, model::OutcomeKind kind,
                                     std::int64_t retry_delay_ms = -1) {
  ports::ResultRecord r;
  r.lease = lease_of(t);
  r.idempotency_key = model::result_key(r.lease);
  r.worker_id = t.worker_id;
  r.incarnation = t.incarnation;
  r.outcome.kind = kind;
  if (kind == model::OutcomeKind::kSucceeded)
    r.outcome.result = R"({"ok":true})";
  else
    r.outcome.error = R"({"code":"boom"})";
  r.body_sha256 = sha256_hex(r.outcome.result + r.outcome.error);
  r.retry_delay_ms = retry_delay_ms;
  return r;
}
inline ports::ResultRecord success(const model::Task& t) {
  return result_of(t, model::OutcomeKind::kSucceeded);
}
inline ports::ResultRecord failure(const model::Task& t, std::int64_t retry_delay_ms = -1) {
  return result_of(t, model::OutcomeKind::kFailed, retry_delay_ms);
}

class QueueBench : public Bench<ports::Queue> {
 public:
  using Bench::Bench;
  void set_up() { fresh_queue(); }

 protected:
  ports::Queue& q() { return port(); }
  void reopen() { restart(); }
  /// An empty queue in a folder of its own.
  void fresh_queue() {
    fresh();
    if (!must(q().read({})).empty())
      throw Broken("a queue in a new folder has tasks already",
                   "give the check settings that name a place of their own each time: a relative "
                   "path, or the word {new} where a name belongs");
  }

  ports::Enqueued enqueue(const model::Task& task) {
    return the_one(must(q().enqueue(now, {&task, 1})));
  }
  void enqueue(const std::vector<model::Task>& tasks) {
    for (const auto& e : must(q().enqueue(now, tasks)))
      KIT_EQ(e.verdict, ports::EnqueueVerdict::kEnqueued) << e.id;
  }
  std::vector<model::Task> claim(std::uint32_t max = 1, const model::WorkerProfile& by = worker()) {
    return must(q().claim(now, {by, max, kLease}));
  }
  model::Task claim_one(const model::WorkerProfile& by = worker()) {
    auto got = claim(1, by);
    KIT_EQ(got.size(), 1u) << "of one task that may be claimed";
    return std::move(got[0]);
  }
  model::Task claimed(const std::string& id, int max_attempts = 5) {
    model::Task task = new_task(id);
    task.spec.max_attempts = max_attempts;
    enqueue(task);
    return claim_one();
  }
  model::Task get(const std::string& id) {
    ports::TaskQuery query;
    query.id = id;
    auto rows = must(q().read(query));
    KIT_EQ(rows.size(), 1u) << "read() of the task " << id;
    return std::move(rows[0]);
  }
  model::TaskState state_of(const std::string& id) { return get(id).state; }
  model::Verdict complete(const ports::ResultRecord& r) {
    return the_one(must(q().complete(now, {&r, 1})));
  }
  ports::LeaseVerdict renew(const model::Task& t, bool executing) {
    const ports::Renewal r{lease_of(t), executing};
    return the_one(must(q().renew(now, {&r, 1}, kLease)));
  }
  ports::LeaseVerdict release(const model::Task& t) {
    const model::Lease lease = lease_of(t);
    return the_one(must(q().release(now, {&lease, 1})));
  }
  ports::LeaseVerdict lose(const model::Task& t, bool crashed, std::int64_t max_crashes = 3,
                           std::int64_t delay = 1'000) {
    const ports::Loss loss{lease_of(t), crashed, delay, max_crashes, R"({"code":"lost"})"};
    return the_one(must(q().lose(now, now - kLostAfter, {&loss, 1})));
  }
  WallMs tick() { return must(q().tick(now, now - set_by_)); }
  /// Somebody sets the clock.
  void set_clock(std::int64_t by) {
    now += by;
    set_by_ += by;
  }
  /// Lets the lease run out and lost_after pass.
  void time_out(const model::Task& t) {
    now = t.lease_expires_ms + 1;
    tick();
    now += kLostAfter + 1;
  }
  std::vector<ports::Completion> completions(std::int64_t after = 0, std::uint32_t limit = 1'000) {
    return must(q().completions(after, limit));
  }
  std::vector<std::string> ids(const std::vector<model::Task>& tasks) {
    std::vector<std::string> out;
    for (const auto& t : tasks) out.push_back(t.id);
    return out;
  }

  WallMs now = kEpoch;

 private:
  std::int64_t set_by_ = 0;
};

}  // namespace skep::conformance
