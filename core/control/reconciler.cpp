#include "core/control/reconciler.hpp"

#include "core/base/log.hpp"

namespace skep::control {
namespace {

constexpr std::uint32_t kCompletionsAtOnce = 500;
constexpr std::size_t kCompletionBytes = 16u << 20;
constexpr Millis kGatherPause{50};  // lets completions gather under load
constexpr Millis kFailurePause{1'000};

}  // namespace

std::vector<std::string> Reconciler::migrations() {
  return {
      "CREATE TABLE cursors (name TEXT PRIMARY KEY, sequence BIGINT NOT NULL)",
      "INSERT INTO cursors (name, sequence) VALUES ('completions', 0)",
      "CREATE TABLE task_totals (type TEXT NOT NULL, outcome TEXT NOT NULL, count BIGINT NOT NULL, "
      "total_ms BIGINT NOT NULL, PRIMARY KEY (type, outcome))"};
}

Result<std::int64_t> Reconciler::cursor(ports::Store& store) {
  const auto rows = store.query({"SELECT sequence FROM cursors WHERE name = 'completions'"});
  if (!rows) return rows.error();
  if (rows->empty()) return Error{Code::kCorrupt, "the cursor \"completions\" is missing"};
  return ports::as_int(rows->front().at(0));
}

Status Reconciler::check(ports::Queue& queue, ports::Store& store) {
  const auto at = cursor(store);
  if (!at) return at.error();
  const auto next = queue.completions(*at, 1, 1);
  return next ? Status{} : Status{next.error()};
}

Result<std::size_t> Reconciler::step(std::uint32_t limit) {
  const auto at = cursor(store_);
  if (!at) return at.error();
  const std::int64_t from = *at;
  const auto completions = queue_.completions(from, limit, kCompletionBytes);
  if (!completions) return completions.error();
  if (completions->empty()) return std::size_t{0};

  Effects batch;
  batch.push_back({"UPDATE cursors SET sequence = $1 WHERE name = 'completions' AND sequence = $2",
                   {completions->back().sequence, from},
                   1});
  for (const auto& feature : features_) SKEP_TRY(feature->effects(*completions, batch));
  const auto done = store_.batch(batch);
  if (!done) return done.error();
  for (const auto& feature : features_) feature->applied();
  return completions->size();
}

void Reconciler::run(std::stop_token stop) {
  SystemClock clock;
  std::uint64_t token = 0;
  while (!stop.stop_requested()) {
    const auto applied = step(kCompletionsAtOnce);
    if (!applied) {
      log::error("reconcile_failed", {{"error", applied.error().message}});
      clock.sleep(kFailurePause, stop);
    } else if (*applied < kCompletionsAtOnce) {
      clock.sleep(kGatherPause, stop);
      if (const auto next = queue_.wait(Millis{500}, token)) token = *next;
    }
  }
}

}  // namespace skep::control
