// Turns outcomes and output into envelopes and makes them durable before anybody sends them.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/ports/spool.hpp"
#include "core/worker/backoff.hpp"
#include "core/worker/executor.hpp"
#include "core/worker/log_streamer.hpp"
#include "core/worker/pending_envelope.hpp"
#include "core/worker/spool_reserve.hpp"

namespace skep::worker {

struct ReporterOptions {
  Identity identity;
  Millis retry{1'000};                                    ///< after the spool refused a write
  std::function<void(const model::Lease&)> on_dropped{};  ///< an attempt has no result
};

/// While one batch is being written the next one gathers, so an idle worker writes each result at
/// once and a busy one writes hundreds with one sync.
class Reporter final : public Service, public AttemptListener {
 public:
  using Forward = std::function<void(std::vector<PendingEnvelope>)>;

  /// `forward` takes what is on disk; a result that is there gives its portion of `reserve` back.
  /// Collaborators outlive the reporter.
  Reporter(ReporterOptions options, ports::Spool& spool, SpoolReserve& reserve, Clock& clock,
           Forward forward);
  ~Reporter() override { stop(); }

  void output(const model::Lease& lease, std::string_view stream, std::string_view bytes) override;
  void finished(const model::ClaimedTask& task, const model::Outcome& outcome) override;
  void dropped(const model::ClaimedTask& task) override;

  /// Why the spool refuses writes, "" = it does not: results wait in memory and nothing more may be
  /// claimed. [any]
  std::string trouble() const;
  /// Results that are not on disk yet; their leases must live on. [any]
  std::vector<ports::Renewal> pending() const;
  /// Waits until everything is on disk; false when `deadline` (monotonic) came first. [any]
  bool flush(MonoMs deadline);
  /// What stop() left in memory.
  std::vector<PendingEnvelope> take_unwritten();

 protected:
  void run(std::stop_token stop) override;

 private:
  std::vector<PendingEnvelope> gather(std::stop_token stop);
  void take_due_output() SKEP_REQUIRES(mutex_);
  PendingEnvelope pack(model::PayloadType type, const model::Lease& lease, std::string key,
                       std::string payload);
  PendingEnvelope pack(const OutputChunk& out);
  /// True when `batch` is settled here: on disk and forwarded, or given up.
  bool write(std::vector<PendingEnvelope>& batch);
  void write_singly(std::vector<PendingEnvelope>& batch);
  void drop_output(std::vector<PendingEnvelope>& batch, const Error& error);
  void on_disk(std::vector<PendingEnvelope> batch, const std::vector<std::string>& names);
  void set_blocked(const Error& error);

  const ReporterOptions options_;
  ports::Spool& spool_;
  SpoolReserve& reserve_;
  Clock& clock_;
  const Forward forward_;
  LogStreamer streamer_;
  std::atomic<bool> blocked_{false};
  std::atomic<std::int64_t> seq_{0};

  mutable Mutex mutex_;
  StoppableCondVar work_;
  /// In order; the first `writing_` of them are being written.
  std::deque<PendingEnvelope> queue_ SKEP_GUARDED_BY(mutex_);
  std::size_t writing_ SKEP_GUARDED_BY(mutex_) = 0;
  std::string trouble_ SKEP_GUARDED_BY(mutex_);
  bool look_ SKEP_GUARDED_BY(mutex_) = false;  ///< output became due earlier than run() thinks
};

}  // namespace skep::worker
