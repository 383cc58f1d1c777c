// Random operations on the reference and on the implementation, under one virtual time: equal
// verdicts, equal states, equal completions.
#include <map>
#include <random>
#include <sstream>

#include "core/conformance/memory_queue.hpp"
#include "core/conformance/queue_bench.hpp"
#include "core/conformance/queue_cases.hpp"

namespace skep::conformance {
namespace {

constexpr int kSteps = 60;

/// All that both must agree on; lease ids are each queue's own.
std::string picture(const model::Task& t) {
  std::ostringstream out;
  out << t.id << ' ' << model::to_string(t.state) << " attempt " << t.attempt << " tries "
      << t.tries_used << " crashes " << t.crash_count << " run_at " << t.spec.run_at_ms
      << " expires " << t.spec.expires_ms << " lease " << t.lease_expires_ms << " claimed "
      << t.claimed_ms << " started " << t.started_ms << " finished " << t.finished_ms << " by "
      << t.worker_id << '/' << t.incarnation << " result " << t.result << " error "
      << t.error.substr(0, 16);
  return out.str();
}

std::string picture(const ports::AttemptRow& a) {
  std::ostringstream out;
  out << a.attempt << ' ' << a.worker_id << ' ' << a.outcome << ' ' << a.claimed_ms << ' '
      << a.started_ms << ' ' << a.finished_ms << ' ' << a.error;
  return out.str();
}

/// One queue of the pair, with the leases that it gave out.
struct Side {
  ports::Queue* queue;
  std::map<std::pair<std::string, std::int64_t>, model::Task> claims{};

  model::Task claim_of(const std::string& id, std::int64_t attempt) const {
    const auto it = claims.find({id, attempt});
    if (it != claims.end()) return it->second;
    model::Task unknown = new_task(id);
    unknown.attempt = attempt;
    unknown.lease_id = "no-such-lease";
    unknown.worker_id = "w1";
    return unknown;
  }
};

class QueueRandom : public QueueBench {
 public:
  using QueueBench::QueueBench;

 protected:
  void play(std::uint32_t seed) {
    const At at("seed " + std::to_string(seed));
    random_.seed(seed);
    now = kEpoch;
    fresh_queue();
    MemoryQueue reference;
    Side model{&reference};
    Side real{&q()};
    for (int step = 0; step < kSteps; ++step) {
      const auto state = static_cast<std::uint32_t>(random_());
      const std::string expected = replay(state, model);
      const WallMs after = now;
      now = before_;
      KIT_EQ(replay(state, real), expected) << "step " << step;
      now = after;
      before_ = now;
    }
    KIT_EQ(whole(real), whole(model)) << "at the end";
  }

 private:
  int below(int n) { return static_cast<int>(step_random_() % static_cast<std::uint32_t>(n)); }
  std::string some_id() { return "t" + std::to_string(below(6)); }

  /// The same draws for both sides.
  std::string replay(std::uint32_t step_seed, Side& side) {
    step_random_.seed(step_seed);
    before_ = now;
    now += below(4) == 0 ? below(400'000) : below(2'000);
    std::string out = step(side);
    ports::TaskQuery all;
    all.newest_first = false;
    for (const auto& t : must(side.queue->read(all))) out += "\n  " + picture(t);
    return out;
  }

  std::string step(Side& side) {
    switch (below(10)) {
      case 0:
      case 1:
        return add(side);
      case 2:
      case 3:
        return take(side);
      case 4:
        return renew_some(side);
      case 5:
      case 6:
        return finish(side);
      case 7:
        return give_up(side);
      case 8:
        return operate(side);
      default:
        return "tick " + std::to_string(must(side.queue->tick(now, now)));
    }
  }

  std::string add(Side& side) {
    model::Task task = new_task(some_id(), below(4) == 0 ? "u" : "t");
    task.spec.priority = below(3) + 4;
    task.spec.max_attempts = 1 + below(3);
    if (below(3) == 0) task.spec.run_at_ms = now + below(5'000);
    if (below(4) == 0) task.spec.expires_ms = now + 1 + below(200'000);
    if (below(3) == 0) task.spec.idempotency_key = "k" + std::to_string(below(3));
    if (below(4) == 0) task.spec.requirements = {"docker"};
    if (below(5) == 0) task.spec.site = "site-b";
    const auto got = the_one(must(side.queue->enqueue(now, {&task, 1})));
    return "enqueue " + std::to_string(static_cast<int>(got.verdict)) + " " + got.id;
  }

  std::string take(Side& side) {
    model::WorkerProfile by = worker("w" + std::to_string(1 + below(2)));
    by.incarnation += std::to_string(below(2));
    if (below(2) == 0) by.capabilities = {"docker"};
    if (below(2) == 0) by.types.push_back("u");
    if (below(3) == 0) by.site = "site-b";
    const auto max = static_cast<std::uint32_t>(1 + below(3));
    std::string out = "claim";
    for (const auto& t : must(side.queue->claim(now, {by, max, 1'000 + below(kLease)}))) {
      side.claims[{t.id, t.attempt}] = t;
      out += " " + picture(t);
    }
    return out;
  }

  std::string renew_some(Side& side) {
    const ports::Renewal r{lease_of(side.claim_of(some_id(), 1 + below(3))), below(2) == 0};
    const auto verdict = the_one(must(side.queue->renew(now, {&r, 1}, kLease)));
    return "renew " + std::to_string(static_cast<int>(verdict));
  }

  std::string finish(Side& side) {
    const auto kind = static_cast<model::OutcomeKind>(below(3));
    auto r =
        result_of(side.claim_of(some_id(), 1 + below(3)), kind, below(2) == 0 ? -1 : below(10'000));
    // Keys by hand: those of result_key() hold the lease id, which differs between the sides.
    r.idempotency_key =
        r.lease.task_id + "/" + std::to_string(r.lease.attempt) + "/" + std::to_string(below(2));
    r.outcome.queued_ms = below(3'000);
    r.outcome.duration_ms = below(200'000);
    if (below(10) == 0) r.worker_id = "w3";
    const auto verdict = the_one(must(side.queue->complete(now, {&r, 1})));
    return "complete " + std::string(model::to_string(verdict));
  }

  std::string give_up(Side& side) {
    const bool by_worker = below(2) == 0;
    const WallMs cutoff = now - (below(2) == 0 ? kLostAfter : 0);
    const auto held = must(side.queue->overdue(cutoff, by_worker ? "w1" : "", "w1-boot10"));
    std::string out = "overdue";
    for (const auto& t : held) {
      const ports::Loss loss{lease_of(t), below(2) == 0, below(5'000), 2, R"({"code":"lost"})"};
      const auto verdict = the_one(must(side.queue->lose(now, cutoff, {&loss, 1})));
      out += " " + t.id + "=" + std::to_string(static_cast<int>(verdict));
    }
    return out;
  }

  std::string operate(Side& side) {
    const std::string id = some_id();
    const model::Lease lease = lease_of(side.claim_of(id, 1 + below(3)));
    switch (below(3)) {
      case 0: {
        const auto verdict = must(side.queue->cancel(now, id, R"({"code":"stop"})"));
        return "cancel " + std::to_string(static_cast<int>(verdict));
      }
      case 1:
        return "requeue " + std::to_string(static_cast<int>(
                                must(side.queue->requeue(now, id, ports::kAnyAttempt))));
      default: {
        const auto verdict = the_one(must(side.queue->release(now, {&lease, 1})));
        return "release " + std::to_string(static_cast<int>(verdict));
      }
    }
  }

  std::string whole(Side& side) {
    std::string out;
    for (const auto& c : must(side.queue->completions(0, 1'000))) out += picture(c.task) + "\n";
    for (int i = 0; i < 6; ++i)
      for (const auto& a : must(side.queue->attempts("t" + std::to_string(i))))
        out += "t" + std::to_string(i) + " " + picture(a) + "\n";
    return out;
  }

  std::mt19937 random_;
  std::mt19937 step_random_;
  WallMs before_ = kEpoch;
};

SKEP_KIT_CASE(QueueRandom, agrees_with_the_reference) {
  for (std::uint32_t i = 0; i < source().rounds; ++i) play(source().seed + i);
}

}  // namespace

Cases<ports::Queue> queue_random_cases() {
  static constexpr KindCase<ports::Queue> kCases[] = {SKEP_KIT_ENTRY(agrees_with_the_reference)};
  return kCases;
}

}  // namespace skep::conformance
