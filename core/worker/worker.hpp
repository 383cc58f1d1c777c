// The worker role: wires the loops of one worker and takes them down in order.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/heartbeat.hpp"
#include "core/ports/spool.hpp"
#include "core/ports/task_runner.hpp"
#include "core/worker/control_client.hpp"
#include "core/worker/control_plane.hpp"
#include "core/worker/executor.hpp"
#include "core/worker/settings.hpp"

namespace skep::worker {

struct WorkerOptions : Settings {
  std::string id;
  std::string site;
  std::string version;
  std::string incarnation;                  ///< new_id() at each process start
  std::vector<std::string> control_planes;  ///< base URLs, in order of preference
  JoinToken join_token;                     ///< until it has a credential
  std::string credential_file;              ///< keeps that, mode 0600; "" = nothing does
  Millis cancel_grace{7'000};               ///< running tasks get so long after being told to stop
  Millis claim_hold{20'000};
  Millis first_rest{5'000};  ///< see Health::failed()
  Millis look_every{5'000};  ///< see SelfCheck
  Millis request_timeout{10'000};
  /// Called once, from a loop's thread, when a newer process owns this worker's id: drain() and
  /// exit with DrainReport::exit_code.
  std::function<void()> on_conflict;
  std::vector<std::string> notices;  ///< what is wrong here and keeps it from no task that it has
  std::string arch;                  ///< of this machine, as uname -m says
  std::string state_dir;             ///< has to be writable while tasks run; "" = none
  std::string releases_dir;          ///< where the registry's files go; "" = none are taken
  /// What the loaders say of those files; see FetcherOptions::loaded.
  std::function<std::vector<api::HeldRelease>()> releases_loaded;
  /// How to reach the control plane; empty = HTTP to `control_planes`.
  ControlPlaneFactory control;
};

enum class StopKind {
  kGraceful,  ///< running tasks get `drain`
  kNow,       ///< they are told to stop at once
};

struct DrainReport {
  bool graceful = true;      ///< nothing was interrupted, lost or left behind
  int interrupted = 0;       ///< attempts handed back unfinished
  int lost = 0;              ///< results that neither the spool nor the control plane took
  int abandoned = 0;         ///< tasks that ignored their cancellation: end by _exit()
  std::int64_t spooled = 0;  ///< results that stay on disk for the next start
  int exit_code = 0;         ///< 5 when a newer process owns the worker's id
};

class Worker {
 public:
  /// Collaborators outlive the worker.
  Worker(WorkerOptions options, ports::TaskRunner& runner, ports::Spool& spool,
         ports::Heartbeat& heartbeat, Clock& clock);
  ~Worker();

  /// Runs with or without a control plane; it registers when one answers. kConfig for options that
  /// cannot work.
  Status start();
  /// Takes new settings at once, without touching running tasks; what the control plane knows of
  /// them is registered again. kConfig, and nothing changes, for some that cannot work. [any]
  Status apply(Settings settings);
  /// Stops claiming within a second, gives back what has not started, lets running tasks end, then
  /// interrupts them, and flushes. Blocks; call it once. Takes at most drain + cancel_grace + 5 s.
  DrainReport drain(StopKind kind = StopKind::kGraceful);
  /// Cuts a drain short (the second signal): at most 2 s more. [any]
  void hurry();

  bool conflicted() const;
  bool registered() const;
  ExecutorLoad load() const;  ///< [any]
  /// Why it takes no tasks now, in words. [any]
  std::vector<std::string> troubles() const;
  /// What else is wrong here: it takes tasks, or those of all types but one. [any]
  std::vector<std::string> notices() const;

 private:
  struct Loops;
  std::unique_ptr<Loops> loops_;
};

}  // namespace skep::worker
