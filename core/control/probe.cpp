#include "core/control/probe.hpp"

#include "core/control/reconciler.hpp"

namespace skep::control {
namespace {

constexpr Millis kBetween{1'000};
constexpr MonoMs kOverdue = 5'000;

/// Can it be read and written, and is it the queue that the store knows?
Status ask_queue(Platform& platform) {
  ports::TaskQuery probe;
  probe.limit = 1;
  const auto read = platform.queue.read(probe);
  if (!read) return read.error();
  const model::Lease nobodys{"readyz", 0, ""};
  const auto written = platform.queue.release(platform.clock.wall_ms(), {&nobodys, 1});
  if (!written) return written.error();
  return Reconciler::check(platform.queue, platform.store);
}

Status ask_store(Platform& platform) {
  const auto cursor = Reconciler::cursor(platform.store);
  if (!cursor) return cursor.error();
  const ports::Statement nothing{"UPDATE cursors SET sequence = $1 WHERE name = ''", {*cursor}};
  const auto written = platform.store.batch({&nothing, 1});
  return written ? Status{} : Status{written.error()};
}

}  // namespace

void Probe::look() {
  {
    const MutexLock lock(mutex_);
    asked_at_ = clock_.mono_ms();
  }
  Status answer = ask_();
  const MutexLock lock(mutex_);
  answer_ = std::move(answer);
  asked_at_.reset();
}

Check Probe::check() const {
  const MutexLock lock(mutex_);
  const MonoMs waits = asked_at_ ? clock_.mono_ms() - *asked_at_ : 0;
  if (waits < kOverdue) return {name_, answer_};
  return {name_, Error{Code::kDeadline, "has not answered for " + std::to_string(waits / 1'000) +
                                            " s; its disk may hang"}};
}

void Probe::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    look();
    clock_.sleep(kBetween, stop);
  }
}

std::vector<std::unique_ptr<Probe>> make_probes(Platform& platform, Damage& queue, Damage& store) {
  std::vector<std::unique_ptr<Probe>> out;
  const auto add = [&](std::string_view name, Status (*ask)(Platform&), Damage& damage) {
    const auto look = [&platform, ask, &damage]() -> Status {
      SKEP_TRY(damage.noted(ask(platform)));
      return damage.found();
    };
    out.push_back(std::make_unique<Probe>(name, look, platform.clock));
  };
  add("queue", ask_queue, queue);
  add("database", ask_store, store);
  return out;
}

}  // namespace skep::control
