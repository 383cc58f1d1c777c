// Who waits hears of it: bounded by what happens, not by how fast the machine is.
#include <array>
#include <chrono>
#include <functional>
#include <future>

#include "core/conformance/queue_bench.hpp"
#include "core/conformance/queue_cases.hpp"

namespace skep::conformance {
namespace {

using namespace std::chrono_literals;
using ports::LeaseVerdict;

/// A busy machine makes the first ones late; a queue that wakes nobody lets each of them run out.
constexpr std::array<Millis, 3> kPatience{1'000ms, 3'000ms, 9'000ms};

class QueueWake : public QueueBench {
 public:
  using QueueBench::QueueBench;

 protected:
  /// With `prepare(i)` before, `cause(i)` must end a wait that began before it, with a new token
  /// when it is news.
  void wakes(const std::string& what, const std::function<void(int)>& prepare,
             const std::function<void(int)>& cause, bool is_news = true) {
    step(what);
    for (std::size_t i = 0; i < kPatience.size(); ++i) {
      prepare(static_cast<int>(i));
      if (is_woken(
              kPatience[i], [&] { cause(static_cast<int>(i)); }, is_news))
        return;
    }
    throw Broken(
        "a wait() of " + std::to_string(kPatience.back().count()) + " ms ran out at " + what,
        "wake every wait() when work comes or ends, and at drain()");
  }

 private:
  bool is_woken(Millis patience, const std::function<void()>& cause, bool is_news) {
    const std::uint64_t before = must(q().wait(0ms, 0));
    const auto begin = std::chrono::steady_clock::now();
    auto waiter = std::async(std::launch::async, [&] {
      const auto after = q().wait(patience, before);
      return std::pair(after, std::chrono::steady_clock::now() - begin);
    });
    cause();
    const auto [after, took] = waiter.get();
    return (must(after) != before || !is_news) && took < patience;
  }
};

SKEP_KIT_CASE(QueueWake, wakes_who_waits_when_work_comes) {
  const auto nothing = [](int) {};
  const auto named = [](int i) { return new_task("t" + std::to_string(i)); };
  wakes("enqueue()", nothing, [&](int i) { enqueue(named(i)); });
  std::vector<model::Task> held = claim(10);
  wakes(
      "release()",
      [&](int) {
        enqueue(new_task(new_id()));
        held.push_back(claim_one());
      },
      [&](int) { KIT_EQ(release(held.back()), LeaseVerdict::kHeld); });
  claim(10);
  wakes(
      "tick() with a task that is due",
      [&](int i) {
        model::Task later = new_task("later" + std::to_string(i));
        later.spec.run_at_ms = now + 1'000;
        enqueue(later);
      },
      [&](int) {
        now += 1'000;
        tick();
      });
}

SKEP_KIT_CASE(QueueWake, wakes_who_waits_when_work_ends) {
  std::vector<model::Task> held;
  const auto hold = [&](int) { held.push_back(claimed(new_id())); };
  wakes("complete()", hold, [&](int) { complete(success(held.back())); });
  wakes("cancel()", hold,
        [&](int) { KIT_EQ(must(q().cancel(now, held.back().id, "{}")), LeaseVerdict::kHeld); });
}

SKEP_KIT_CASE(QueueWake, lets_a_wait_run_out_when_nothing_happens) {
  const std::uint64_t token = must(q().wait(0ms, 0));
  KIT_EQ(must(q().wait(1ms, token)), token);
}

SKEP_KIT_CASE(QueueWake, wakes_who_waits_when_it_is_drained) {
  if (!source().drain) throw Skipped(source().name + " is not drained");
  wakes(
      "drain()", [&](int) { fresh_queue(); }, [&](int) { source().drain(); }, false);
}

}  // namespace

Cases<ports::Queue> queue_wake_cases() {
  static constexpr KindCase<ports::Queue> kCases[] = {
      SKEP_KIT_ENTRY(wakes_who_waits_when_work_comes),
      SKEP_KIT_ENTRY(wakes_who_waits_when_work_ends),
      SKEP_KIT_ENTRY(lets_a_wait_run_out_when_nothing_happens),
      SKEP_KIT_ENTRY(wakes_who_waits_when_it_is_drained)};
  return kCases;
}

}  // namespace skep::conformance
