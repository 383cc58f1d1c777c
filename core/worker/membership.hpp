// What the loops of one worker know together about their control plane.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "core/api/wire.hpp"
#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"

namespace skep::worker {

/// What the spool held when the process started.
enum class Backlog {
  kUntried,  ///< it goes home first: the control plane may give its tasks out when we register
  kWaits,    ///< could not be sent while this worker is not registered
  kSettled,  ///< sent, or the control plane takes none of it now
};

struct MembershipOptions {
  /// Called once, when a newer process turns out to own this worker's id.
  std::function<void()> on_conflict{};
  /// What a person can do about an exchange that ended so; empty = nothing to say. Called without a
  /// lock.
  std::function<std::string(Code)> advice{};
  Millis patience{30'000};  ///< cut off for less is no trouble: a restart of the control plane
};

/// [any]
class Membership {
 public:
  /// `clock` outlives it.
  Membership(MembershipOptions options, Clock& clock)
      : options_(std::move(options)), clock_(clock) {}

  bool registered() const;
  void set_registered(bool registered);
  /// The last exchange got an answer; also true before the first one.
  bool up() const;
  /// The control plane answered: loops that back off try again at once.
  void reached();
  /// An exchange failed: another process has the id (kState), this worker is not known or not taken
  /// (kNotFound, kDenied), or nobody answers who could say.
  void failed(const Error& error);
  /// Why no exchange with the control plane succeeds, since when and what to do; "" = one did, or
  /// it is away for a moment.
  std::string trouble() const;
  api::WorkerMode mode() const;
  void set_mode(api::WorkerMode mode);
  bool conflicted() const;
  void set_backlog(Backlog backlog);
  bool may_register() const;
  /// Claims may go out: registered, active, no conflict, no backlog.
  bool may_claim() const;

  /// Sleeps until something above changes, `d` passes or `stop` is requested.
  void wait_change(Millis d, std::stop_token stop);
  /// Ends a current wait_change() of every loop.
  void wake();

 private:
  void changed() SKEP_REQUIRES(mutex_);
  bool recover() SKEP_REQUIRES(mutex_);
  std::optional<Error> trouble_now() const SKEP_REQUIRES(mutex_);
  std::string with_advice(const Error& trouble) const;
  void conflict(const Error& error);

  const MembershipOptions options_;
  Clock& clock_;
  mutable Mutex mutex_;
  StoppableCondVar change_;
  std::uint64_t changes_ SKEP_GUARDED_BY(mutex_) = 0;
  bool registered_ SKEP_GUARDED_BY(mutex_) = false;
  bool up_ SKEP_GUARDED_BY(mutex_) = true;
  bool conflicted_ SKEP_GUARDED_BY(mutex_) = false;
  bool was_registered_ SKEP_GUARDED_BY(mutex_) = false;  ///< at any time
  MonoMs failing_since_ SKEP_GUARDED_BY(mutex_) = 0;     ///< 0 = the last exchange succeeded
  Error failure_ SKEP_GUARDED_BY(mutex_);                ///< the newest since then
  bool told_ SKEP_GUARDED_BY(mutex_) = false;            ///< the log has the trouble
  Backlog backlog_ SKEP_GUARDED_BY(mutex_) = Backlog::kSettled;
  api::WorkerMode mode_ SKEP_GUARDED_BY(mutex_) = api::WorkerMode::kActive;
};

}  // namespace skep::worker
