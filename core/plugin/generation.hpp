// The books of one loaded version of a plugin or script: who is inside, how calls ended, when it
// came and went.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/plugin/generation_states.hpp"
#include "core/plugin/host_call.hpp"
#include "core/plugin/hung_calls.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::plugin {

/// One loaded version of a plugin or script.
struct GenerationInfo {
  std::uint64_t number = 0;  ///< grows with each load of this id in this process; starts at 1
  std::string version;
  std::string sha256;
  GenerationState state = GenerationState::kStarting;
  std::string reason;          ///< why it failed or was taken back
  std::string isolation;       ///< inproc, process or per-task
  std::int64_t inside = 0;     ///< calls inside now that somebody waits for
  std::int64_t calls = 0;      ///< calls ended
  std::int64_t failures = 0;   ///< of them, those that failed by the plugin's fault
  WallMs active_at = 0;        ///< 0 = never
  std::int64_t drain_ms = -1;  ///< from swap to retired; -1 = not yet
};

/// How one call ended, as far as the called code is to blame.
enum class CallEnd {
  kOk,      ///< succeeded, was cancelled, or its input was wrong
  kFailed,  ///< failed by its own word
  kFault,   ///< broke a rule: an internal error, a broken result, no message
  kCrash,   ///< took its process down, or threw across the C boundary
};

/// What a generation's calls came to; for comparing two of them.
struct CallTally {
  std::int64_t calls = 0;
  std::int64_t failed = 0;   ///< kFailed and worse
  std::int64_t faults = 0;   ///< kFault and worse
  std::int64_t crashes = 0;  ///< kCrash
};

/// Shared by whoever routes to it and by the calls inside. [any]
class Generation {
 public:
  /// `owner` is a plugin's id or "script:NAME"; of `info` the number, version, sha256 and isolation
  /// count. The state is kStarting.
  Generation(std::string owner, GenerationInfo info);
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  const std::string& owner() const { return owner_; }
  std::uint64_t number() const { return number_; }
  GenerationInfo info() const;
  CallTally tally() const;
  GenerationState state() const;
  /// The only way from one state to another. False, with an error in the log, when the table
  /// refuses the event: then nothing has changed.
  bool apply(GenerationEvent event, std::string_view reason = {});

  /// Calls inside that nobody waits for any more. They keep it from no end, but their instances.
  HungCalls& hung() { return hung_; }
  const HungCalls& hung() const { return hung_; }

  /// Hears how each call ended, on the call's thread and without a lock; must not block. An empty
  /// one replaces it.
  void on_end(std::function<void(CallEnd)> hook);

  /// One call inside. Its end is kOk unless said otherwise.
  class Visit {
   public:
    Visit() = default;
    /// `cancel` (may be null) is what cancel_all() reaches; it must outlive the visit.
    Visit(std::shared_ptr<Generation> generation, ports::CancelToken* cancel);
    /// The same for a call that hurry() reaches, too.
    Visit(std::shared_ptr<Generation> generation, HostCall& call);
    Visit(Visit&& other) noexcept = default;
    Visit& operator=(Visit&&) = delete;
    ~Visit();
    void ended(CallEnd end) { end_ = end; }
    Generation& operator*() const { return *generation_; }
    explicit operator bool() const { return generation_ != nullptr; }

   private:
    std::shared_ptr<Generation> generation_;
    ports::CancelToken* cancel_ = nullptr;
    HostCall* call_ = nullptr;
    CallEnd end_ = CallEnd::kOk;
  };

  /// Waits until nobody is inside; false at `deadline` (CLOCK_MONOTONIC ms). New leases must have
  /// been stopped before by whoever gives them out.
  bool wait_idle(MonoMs deadline);
  /// Cancels the calls that are inside now.
  void cancel_all(ports::CancelReason reason);
  /// The node stops: its host calls, those inside and those that come, wait no longer than they
  /// must.
  void hurry();
  bool hurried() const;

 private:
  void enter(GenerationState to) SKEP_REQUIRES(mutex_);
  void enter(ports::CancelToken* cancel, HostCall* call);
  void leave(ports::CancelToken* cancel, HostCall* call, CallEnd end);

  const std::string owner_;
  const std::uint64_t number_;
  mutable Mutex mutex_;
  CondVar idle_;
  GenerationInfo info_ SKEP_GUARDED_BY(mutex_);
  CallTally tally_ SKEP_GUARDED_BY(mutex_);
  MonoMs drain_began_ SKEP_GUARDED_BY(mutex_) = 0;
  std::vector<ports::CancelToken*> inside_ SKEP_GUARDED_BY(mutex_);
  std::vector<HostCall*> host_calls_ SKEP_GUARDED_BY(mutex_);
  bool hurried_ SKEP_GUARDED_BY(mutex_) = false;
  HungCalls hung_;
  std::shared_ptr<const std::function<void(CallEnd)>> on_end_ SKEP_GUARDED_BY(mutex_);
};

}  // namespace skep::plugin
