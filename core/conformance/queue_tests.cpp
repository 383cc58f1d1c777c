// Tier contract, kind queue: the promises of skep/kind/queue.h that the control plane lives by, in
// virtual time and through the host's own adapter.
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "core/base/id.hpp"
#include "core/base/mutex.hpp"
#include "core/conformance/port_under_test.hpp"
#include "core/conformance/shared_break.hpp"
#include "core/plugin/adapters/queue.hpp"

namespace skep::conformance {
namespace {

using ports::EnqueueVerdict;
using ports::LeaseVerdict;

constexpr std::int64_t kLease = 90'000;
constexpr std::int64_t kLostAfter = 300'000;

template <class T>
T the_one(std::vector<T> all, const std::string& function) {
  expect(all.size() == 1,
         function + " answered " + std::to_string(all.size()) + " times for one item");
  return std::move(all.front());
}

/// One queue, empty of tasks of `type`, and a clock.
class QueueUnderTest {
 public:
  explicit QueueUnderTest(const Subject& s) : queue_(s) {}

  void restart() { queue_.restart(); }
  void end() { queue_.end(); }
  model::Task add(const std::string& key = {}, const std::string& params = "{}") {
    model::Task task = fresh(key, params);
    expect(enqueue(task).verdict == EnqueueVerdict::kEnqueued, "enqueue() did not take a new task");
    return task;
  }
  model::Task fresh(const std::string& key, const std::string& params) const {
    model::Task task;
    task.id = new_id();
    task.spec.type = type;
    task.spec.params = params;
    task.spec.idempotency_key = key;
    task.created_ms = now;
    return task;
  }
  ports::Enqueued enqueue(const model::Task& task) {
    step("enqueue()");
    return the_one(said(queue_->enqueue(now, {&task, 1}), "enqueue()"), "enqueue()");
  }
  std::vector<model::Task> claim(std::uint32_t max = 10, const std::string& worker = "kit-1",
                                 const std::vector<std::string>& capabilities = {}) {
    step("claim()");
    ports::ClaimFilter filter;
    filter.worker = {worker, worker + "-boot", "", capabilities, {type}};
    filter.max = max;
    filter.lease_ms = kLease;
    return said(queue_->claim(now, filter), "claim()");
  }
  model::Task claim_one(const std::string& worker = "kit-1") {
    auto got = claim(1, worker);
    expect(got.size() == 1, "claim() found " + std::to_string(got.size()) + " tasks, not one");
    return std::move(got.front());
  }
  model::Verdict complete(const model::Task& task, const std::string& result,
                          const std::string& worker = "kit-1") {
    step("complete()");
    ports::ResultRecord r;
    r.lease = {task.id, task.attempt, task.lease_id};
    r.idempotency_key = model::result_key(r.lease);
    r.body_sha256 = sha256_hex(result);
    r.worker_id = worker;
    r.incarnation = worker + "-boot";
    r.outcome.kind = model::OutcomeKind::kSucceeded;
    r.outcome.result = result;
    return the_one(said(queue_->complete(now, {&r, 1}), "complete()"), "complete()");
  }
  LeaseVerdict renew(const model::Task& task) {
    step("renew()");
    const ports::Renewal r{{task.id, task.attempt, task.lease_id}, true};
    return the_one(said(queue_->renew(now, {&r, 1}, kLease), "renew()"), "renew()");
  }
  LeaseVerdict release(const model::Task& task) {
    step("release()");
    const model::Lease lease{task.id, task.attempt, task.lease_id};
    return the_one(said(queue_->release(now, {&lease, 1}), "release()"), "release()");
  }
  LeaseVerdict lose(const model::Task& task) {
    step("lose()");
    const ports::Loss loss{{task.id, task.attempt, task.lease_id},
                           false,
                           0,
                           3,
                           R"({"code":"lost","message":"no sign of life"})"};
    return the_one(said(queue_->lose(now, now - kLostAfter, {&loss, 1}), "lose()"), "lose()");
  }
  void tick() {
    step("tick()");
    said(queue_->tick(now, now), "tick()");
  }
  std::optional<model::Task> find(const std::string& id) {
    step("read()");
    ports::TaskQuery query;
    query.id = id;
    auto rows = said(queue_->read(query), "read()");
    if (rows.empty()) return std::nullopt;
    return std::move(rows.front());
  }

  const std::string type = "skep-kit-" + random_hex(4);  // the file may have tasks of others
  WallMs now = 1'700'000'000'000;

 private:
  PortUnderTest<plugin::QueueAdapter> queue_;
};

/// [any]
class SeenIds {
 public:
  /// False for one that was seen before.
  bool add(const std::string& id) {
    const MutexLock lock(mutex_);
    return ids_.insert(id).second;
  }
  std::size_t size() {
    const MutexLock lock(mutex_);
    return ids_.size();
  }

 private:
  Mutex mutex_;
  std::set<std::string> ids_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace

void contract_queue_claim(Subject& s) {
  QueueUnderTest q(s);
  q.add();
  q.add();
  const auto got = q.claim();
  expect(got.size() == 2, "claim() of 10 found " + std::to_string(got.size()) + " of 2 tasks");
  expect(got[0].lease_id != got[1].lease_id, "two leases have the same id");
  for (const model::Task& task : got) {
    expect(task.attempt == 1, "the first claim is attempt " + std::to_string(task.attempt));
    expect(task.lease_expires_ms == q.now + kLease, "a lease does not end at now + lease_ms");
  }
  expect(q.claim(10, "kit-2").empty(), "a task that is leased was handed out again");
  model::Task picky = q.fresh("", "{}");
  picky.spec.requirements = {"a|b", "c"};
  expect(q.enqueue(picky).verdict == EnqueueVerdict::kEnqueued, "enqueue() did not take a task");
  expect(q.claim(10, "kit-1", {"a", "b"}).empty() && q.claim(10, "kit-1", {"a|b"}).empty() &&
             q.claim(10, "kit-1", {"c"}).empty(),
         "a task was handed out without all of its requirements");
  expect(q.claim(10, "kit-1", {"b", "c"}).size() == 1,
         "of the alternatives of a requirement, a|b, one was not enough");
  q.end();
}

void contract_queue_keys(Subject& s) {
  QueueUnderTest q(s);
  const std::string key = "kit-" + random_hex(8);
  const model::Task first = q.add(key, R"({"a":1})");
  const auto again = q.enqueue(q.fresh(key, R"({"a":1})"));
  expect(again.verdict == EnqueueVerdict::kExists && again.id == first.id,
         "the same idempotency key and task did not answer with the first one");
  expect(q.enqueue(q.fresh(key, R"({"a":2})")).verdict == EnqueueVerdict::kConflict,
         "another task under a used idempotency key was not refused");
  expect(q.claim().size() == 1, "one key made more than one task");
  q.end();
}

void contract_queue_results(Subject& s) {
  QueueUnderTest q(s);
  q.add();
  const model::Task task = q.claim_one();
  expect(q.complete(task, "1", "kit-2") == model::Verdict::kWrongWorker,
         "a result of a worker that does not hold the task was not refused");
  expect(q.complete(task, "1") == model::Verdict::kApplied, "the holder's result was not applied");
  expect(q.complete(task, "1") == model::Verdict::kDuplicate,
         "the same result a second time was not a duplicate");
  expect(q.complete(task, "2") == model::Verdict::kKeyConflict,
         "another result under the same key was not refused");
  const auto row = q.find(task.id);
  expect(row && row->state == model::TaskState::kSucceeded && row->result == "1",
         "the task does not show its first result");
  q.end();
}

void contract_queue_fence(Subject& s) {
  QueueUnderTest q(s);
  q.add();
  const model::Task first = q.claim_one();
  q.now += kLease / 2;
  expect(q.renew(first) == LeaseVerdict::kHeld, "a lease could not be prolonged");
  q.now += kLease + 1;
  q.tick();
  q.now += kLostAfter + 1;
  expect(q.lose(first) == LeaseVerdict::kHeld, "an overdue attempt could not be given up");
  q.tick();
  const model::Task second = q.claim_one("kit-2");
  expect(second.attempt == first.attempt + 1, "a new claim is not the next attempt");
  expect(q.renew(first) == LeaseVerdict::kLost, "a lease that was lost could be prolonged");
  expect(q.release(first) == LeaseVerdict::kLost, "a lease that was lost could be released");
  expect(q.complete(first, "1") == model::Verdict::kSuperseded,
         "a late result of an earlier attempt was not superseded");
  expect(q.complete(second, "2", "kit-2") == model::Verdict::kApplied,
         "the present attempt's result was not applied after a late one of an earlier attempt");
  q.end();
}

void contract_queue_release(Subject& s) {
  QueueUnderTest q(s);
  q.add();
  const model::Task first = q.claim_one();
  expect(q.release(first) == LeaseVerdict::kHeld, "a claimed task could not be handed back");
  const model::Task second = q.claim_one("kit-2");
  expect(second.attempt == first.attempt + 1, "a claim after release() is not the next attempt");
  expect(second.tries_used == first.tries_used, "release() used up a try");
  q.end();
}

void contract_queue_durable(Subject& s) {
  QueueUnderTest q(s);
  q.add();
  const model::Task held = q.claim_one();
  const model::Task waiting = q.add();
  q.restart();
  const auto row = q.find(held.id);
  expect(row && row->lease_id == held.lease_id && row->attempt == held.attempt,
         "after stop and start with the same settings a lease is gone");
  expect(q.claim_one("kit-2").id == waiting.id, "after stop and start a queued task is gone");
  expect(q.complete(held, "1") == model::Verdict::kApplied,
         "after stop and start the holder's result was not applied");
  q.end();
}

void contract_queue_concurrency(Subject& s) {
  constexpr int kTasks = 120;
  constexpr int kWorkers = 4;
  QueueUnderTest q(s);
  for (int i = 0; i < kTasks; ++i) q.add();
  SeenIds seen;
  SharedBreak broken;
  const auto run_all = [&](const std::vector<model::Task>& tasks, const std::string& worker) {
    for (const model::Task& task : tasks)
      expect(seen.add(task.id), "two workers got the same task");
    for (const model::Task& task : tasks)
      expect(q.complete(task, "1", worker) == model::Verdict::kApplied, "a result was not applied");
  };
  const auto work = [&](const std::string& worker) {
    try {
      for (auto got = q.claim(3, worker); !got.empty(); got = q.claim(3, worker))
        run_all(got, worker);
    } catch (const Broken& b) {
      broken.take(b);
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < kWorkers; ++i) workers.emplace_back(work, "kit-" + std::to_string(i));
  }
  broken.throw_if_any();
  expect(seen.size() == kTasks, std::to_string(kTasks - static_cast<int>(seen.size())) + " of " +
                                    std::to_string(kTasks) + " tasks were never handed out");
  q.end();
}

}  // namespace skep::conformance
