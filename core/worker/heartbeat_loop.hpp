// Tells the control plane that this worker lives and what it holds, and applies the answer.
#pragma once

#include <atomic>
#include <functional>

#include "core/api/wire.hpp"
#include "core/base/mutex.hpp"
#include "core/base/service.hpp"
#include "core/ports/heartbeat.hpp"
#include "core/ports/spool.hpp"
#include "core/worker/backoff.hpp"
#include "core/worker/control_client.hpp"
#include "core/worker/executor.hpp"
#include "core/worker/membership.hpp"
#include "core/worker/pending_envelope.hpp"

namespace skep::worker {

struct HeartbeatOptions {
  Identity identity;
  Millis interval{30'000};  ///< the server may ask for another
  Millis early{200};        ///< a task that runs so long is announced at once
  Millis timeout{5'000};
  std::function<std::vector<ports::Renewal>()> unwritten;  ///< ended, result not on disk
  std::function<std::vector<std::string>()> troubles;      ///< why it takes no tasks
  std::function<std::vector<std::string>()> notices;       ///< what else is wrong
  std::function<api::ReleaseReport()> releases;            ///< empty = none
  std::function<void(std::int64_t)> on_registry;           ///< the revision of each reply
};

/// Besides the regular beats, one goes out 200 ms after a task started that still runs then, so
/// that people see "executing" soon; short tasks cost no beat.
class HeartbeatLoop final : public Service {
 public:
  /// Collaborators outlive the loop.
  HeartbeatLoop(HeartbeatOptions options, ports::Heartbeat& heartbeat, Endpoints& endpoints,
                Executor& executor, ports::Spool& spool, Membership& membership, Clock& clock);
  ~HeartbeatLoop() override { stop(); }

  /// A task started. Wakes the loop only when no early look is planned yet. [any]
  void task_started();
  /// The pause between beats from now on; counts from the last one. Not positive: no change. [any]
  void set_interval(Millis interval);
  /// The same, as a control plane asks for it; more than an hour is no change. [any]
  void take_interval(double seconds);
  /// A beat goes out now: there is something to tell. [any]
  void hasten();
  /// The farewell, after stop().
  void last_beat(Millis timeout);

 protected:
  void run(std::stop_token stop) override;

 private:
  api::Beat make_beat(bool draining);
  bool wait_for_beat(MonoMs last, bool answered, std::stop_token stop);
  bool beat(bool draining, Millis timeout);
  void apply(const api::BeatReply& reply);
  void failed(const Error& error, std::size_t endpoint);

  const HeartbeatOptions options_;
  ports::Heartbeat& heartbeat_;
  Endpoints& endpoints_;
  Executor& executor_;
  ports::Spool& spool_;
  Membership& membership_;
  Clock& clock_;
  Complaint complaint_;
  std::int64_t seq_ = 0;
  std::atomic<bool> look_planned_{false};

  Mutex mutex_;
  StoppableCondVar wake_;
  bool woken_ SKEP_GUARDED_BY(mutex_) = false;
  bool hastened_ SKEP_GUARDED_BY(mutex_) = false;
  Millis interval_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::worker
