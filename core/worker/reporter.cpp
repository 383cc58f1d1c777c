#include "core/worker/reporter.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/api/wire.hpp"
#include "core/base/id.hpp"
#include "core/base/log.hpp"

namespace skep::worker {
namespace {

constexpr std::size_t kMaxBatch = 512;
constexpr std::size_t kMaxBatchBytes = 4u << 20;

std::vector<ports::SpoolItem> items_of(const std::vector<PendingEnvelope>& batch) {
  std::vector<ports::SpoolItem> items;
  items.reserve(batch.size());
  for (const PendingEnvelope& p : batch) items.push_back({{}, p.payload_type, p.task_id, p.body});
  return items;
}

}  // namespace

Reporter::Reporter(ReporterOptions options, ports::Spool& spool, SpoolReserve& reserve,
                   Clock& clock, Forward forward)
    : Service("skep-report"),
      options_(std::move(options)),
      spool_(spool),
      reserve_(reserve),
      clock_(clock),
      forward_(std::move(forward)) {}

PendingEnvelope Reporter::pack(model::PayloadType type, const model::Lease& lease, std::string key,
                               std::string payload) {
  model::Envelope envelope;
  envelope.payload_type = type;
  envelope.idempotency_key = key;
  envelope.lease = lease;
  envelope.worker_id = options_.identity.worker_id;
  envelope.incarnation = options_.identity.incarnation;
  envelope.site = options_.identity.site;
  envelope.seq = ++seq_;
  envelope.created_ms = clock_.wall_ms();
  envelope.payload = std::move(payload);
  return {{},
          std::string(model::to_string(type)),
          lease.task_id,
          std::move(key),
          api::encode(envelope),
          lease};
}

PendingEnvelope Reporter::pack(const OutputChunk& out) {
  const std::string number = std::to_string(out.chunk.chunk);
  return pack(model::PayloadType::kLogs, out.lease,
              sha256_hex("logs|" + model::result_key(out.lease) + "|" + number),
              api::encode(out.chunk));
}

void Reporter::output(const model::Lease& lease, std::string_view stream, std::string_view bytes) {
  if (!streamer_.append(lease, stream, bytes, clock_.mono_ms())) return;
  const MutexLock lock(mutex_);
  look_ = true;
  work_.notify_all();
}

void Reporter::finished(const model::ClaimedTask& task, const model::Outcome& outcome) {
  const auto output = streamer_.finish(task.lease);
  model::Outcome whole = outcome;
  whole.output_chunks = output.chunks;
  PendingEnvelope result = pack(model::PayloadType::kExecutionResult, task.lease,
                                model::result_key(task.lease), api::encode(whole));
  result.artifacts = outcome.artifacts;
  const MutexLock lock(mutex_);
  if (output.rest) queue_.push_back(pack(*output.rest));
  queue_.push_back(std::move(result));
  work_.notify_all();
}

void Reporter::dropped(const model::ClaimedTask& task) {
  if (const auto output = streamer_.finish(task.lease); output.rest) {
    const MutexLock lock(mutex_);
    queue_.push_back(pack(*output.rest));
    work_.notify_all();
  }
  if (options_.on_dropped) options_.on_dropped(task.lease);
  reserve_.give_back();
}

std::vector<ports::Renewal> Reporter::pending() const {
  const MutexLock lock(mutex_);
  std::vector<ports::Renewal> out;
  for (const PendingEnvelope& envelope : queue_)
    if (envelope.is_result()) out.push_back({envelope.lease, true});
  return out;
}

bool Reporter::flush(MonoMs deadline) {
  constexpr Millis kLook{20};
  MutexLock lock(mutex_);
  while (!queue_.empty() && clock_.mono_ms() < deadline) work_.wait_for(lock, {}, kLook);
  return queue_.empty();
}

std::vector<PendingEnvelope> Reporter::take_unwritten() {
  const MutexLock lock(mutex_);
  std::vector<PendingEnvelope> out(std::make_move_iterator(queue_.begin()),
                                   std::make_move_iterator(queue_.end()));
  queue_.clear();
  return out;
}

void Reporter::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    std::vector<PendingEnvelope> batch = gather(stop);
    while (!batch.empty() && !write(batch)) {
      MutexLock lock(mutex_);
      const auto until = std::chrono::steady_clock::now() + options_.retry;
      while (work_.wait_until(lock, stop, until)) {
      }
      if (stop.stop_requested()) break;
    }
    const MutexLock lock(mutex_);
    if (!blocked_)
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(writing_));
    writing_ = 0;
    if (queue_.empty()) work_.notify_all();
  }
}

/// Waits for work; the batch stays at the head of queue_ until it is on disk.
std::vector<PendingEnvelope> Reporter::gather(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    take_due_output();
    if (!queue_.empty()) break;
    if (std::exchange(look_, false)) continue;
    if (const auto due = streamer_.next_due())
      work_.wait_for(lock, stop, Millis{std::max<MonoMs>(1, *due - clock_.mono_ms())});
    else
      work_.wait(lock, stop);
  }
  std::vector<PendingEnvelope> batch;
  std::size_t bytes = 0;
  for (const PendingEnvelope& envelope : queue_) {
    bytes += envelope.body.size();
    if (!batch.empty() && (batch.size() == kMaxBatch || bytes > kMaxBatchBytes)) break;
    batch.push_back(envelope);
  }
  writing_ = batch.size();
  return batch;
}

void Reporter::take_due_output() {
  for (const OutputChunk& chunk : streamer_.take_due(clock_.mono_ms()))
    queue_.push_back(pack(chunk));
}

bool Reporter::write(std::vector<PendingEnvelope>& batch) {
  auto names = spool_.put(items_of(batch));
  if (!names && names.error().code == Code::kNoMemory) {
    drop_output(batch, names.error());
    if (batch.empty()) return true;
    names = spool_.put(items_of(batch));
  }
  if (names) {
    on_disk(std::move(batch), *names);
    return true;
  }
  if (names.error().code == Code::kInvalid) {
    write_singly(batch);
    return true;
  }
  set_blocked(names.error());
  return false;
}

/// The spool finds one of them malformed: the others must not wait for it.
void Reporter::write_singly(std::vector<PendingEnvelope>& batch) {
  for (PendingEnvelope& envelope : batch) {
    std::vector<PendingEnvelope> one{std::move(envelope)};
    const auto names = spool_.put(items_of(one));
    if (!names)
      log::error("spool_refused_item", {{"task_id", one[0].task_id},
                                        {"error", names.error().message},
                                        {"effect", "it is sent once, without a copy on disk"}});
    on_disk(std::move(one), names ? *names : std::vector<std::string>{""});
  }
}

/// Room is short: output gives way, so that results get through.
void Reporter::drop_output(std::vector<PendingEnvelope>& batch, const Error& error) {
  const std::size_t dropped =
      std::erase_if(batch, [](const PendingEnvelope& envelope) { return !envelope.is_result(); });
  if (dropped > 0) log::warn("output_dropped", {{"chunks", dropped}, {"error", error.message}});
}

void Reporter::on_disk(std::vector<PendingEnvelope> batch, const std::vector<std::string>& names) {
  if (blocked_.exchange(false)) {
    log::info("spool_writes_again");
    const MutexLock lock(mutex_);
    trouble_.clear();
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i].name = names[i];
    if (batch[i].is_result()) reserve_.give_back();
  }
  forward_(std::move(batch));
}

std::string Reporter::trouble() const {
  const MutexLock lock(mutex_);
  return trouble_;
}

void Reporter::set_blocked(const Error& error) {
  {
    const MutexLock lock(mutex_);
    trouble_ = error.message;
  }
  if (blocked_.exchange(true)) return;
  log::error("spool_write_failed", {{"error", error.message},
                                    {"effect", "results wait in memory, nothing is claimed"},
                                    {"next", "make room on the disk of the spool or repair it"}});
}

}  // namespace skep::worker
