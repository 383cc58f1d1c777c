// A control plane, task types and a heartbeat carrier in memory, for the loops of a worker.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/ports/heartbeat.hpp"
#include "core/ports/task_runner.hpp"
#include "core/worker/control_plane.hpp"

namespace skep::test {

/// Waits for `condition`, at most two minutes.
bool eventually(const std::function<bool()>& condition);

/// State of the scripted control plane; set what a test needs under its functions. [any]
class ScriptedControl {
 public:
  worker::ControlPlaneFactory factory();

  model::Lease enqueue(const std::string& type, std::int64_t timeout_ms = 0);
  /// A task under a lease that was given before.
  void enqueue_again(const model::Lease& lease, const std::string& type = "noop") {
    with([&] { queue_.push_back({lease, type, "{}", "", 0}); });
  }
  void set_away(bool away) {
    with([&] { away_ = away; });
  }
  void set_mode(api::WorkerMode mode) {
    with([&] { mode_ = mode; });
  }
  void cancel(const std::string& task_id) {
    with([&] { cancelled_.insert(task_id); });
  }
  /// Register and claim fail with `code`.
  void refuse(std::optional<Code> code) {
    with([&] { refusal_ = code; });
  }
  /// The same of registrations alone.
  void refuse_registrations(std::optional<Code> code) {
    with([&] { registration_refusal_ = code; });
  }
  /// What registrations are answered with.
  void ask_for_beats(double interval_seconds) {
    with([&] { beat_seconds_ = interval_seconds; });
  }
  /// The next claim leases its tasks, and fails with `code` on the way back.
  void lose_a_reply(Code code = Code::kUnavailable) {
    with([&] { loses_reply_ = code; });
  }
  /// Each reply with tasks comes a second time, as the answer to the next claim.
  void double_replies() {
    with([&] { doubles_replies_ = true; });
  }
  /// Forgets its workers, as after a restart on another database.
  void forget_workers() {
    with([&] { known_ = false; });
  }
  /// The list that the worker is meant to have from now on; `blobs` by sha256.
  void set_releases(api::DesiredReleases list, std::map<std::string, std::string> blobs) {
    with([&] {
      releases_ = std::move(list);
      blobs_ = std::move(blobs);
    });
  }
  int chunks_sent() const;
  /// The connection is cut in the middle of piece `number`.
  void cut_after(int pieces) {
    with([&] { pieces_ = pieces; });
  }
  void refuse_artifacts(std::optional<Error> error) {
    with([&] { artifact_refusal_ = std::move(error); });
  }
  void set_input(const std::string& sha256, std::string bytes) {
    with([&] { inputs_[sha256] = std::move(bytes); });
  }
  std::map<std::string, std::string> artifacts() const {
    const std::scoped_lock lock(mutex_);
    return artifacts_;
  }
  int artifacts_refused() const {
    const std::scoped_lock lock(mutex_);
    return artifacts_refused_;
  }
  /// The artifacts for a judge, which is asked under the lock.
  const std::map<std::string, std::string>& artifacts_by_now() const { return artifacts_; }
  /// A task of these parameters.
  model::Lease enqueue_with(const std::string& type, const std::string& params);
  using Judge = std::function<Result<worker::Submission>(const std::vector<std::string>&)>;
  /// Answers results instead of the usual echo.
  void judge(Judge judge) {
    with([&] { judge_ = std::move(judge); });
  }

  std::size_t waiting() const;                            ///< tasks that nobody has claimed
  std::vector<std::string> finished() const;              ///< task ids of results, as they came
  std::string outcome(const std::string& task_id) const;  ///< payload of its result
  std::string output(const std::string& task_id) const;   ///< its log text
  std::vector<model::Lease> released() const;
  std::vector<std::uint32_t> claim_sizes() const;
  int idle_polls() const;  ///< claims for no task, which listen for cancellations
  int registrations() const;
  int refused_registrations() const;
  api::Registration last_registration() const;
  int submissions() const;
  std::vector<MonoMs> submission_times() const;

 private:
  friend class ScriptedConversation;
  template <class Change>
  void with(Change&& change) {
    const std::scoped_lock lock(mutex_);
    change();
    changed_.notify_all();
  }
  worker::Submission take(const std::vector<std::string>& envelopes);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<model::ClaimedTask> queue_;
  std::set<std::string> cancelled_;
  std::vector<std::string> finished_;
  std::map<std::string, std::string> outcomes_;
  std::map<std::string, std::string> output_;
  std::vector<model::Lease> released_;
  std::vector<std::uint32_t> claim_sizes_;
  int idle_polls_ = 0;
  std::vector<MonoMs> submission_times_;
  api::WorkerMode mode_ = api::WorkerMode::kActive;
  std::optional<Code> refusal_;
  std::optional<Code> registration_refusal_;
  Judge judge_;
  std::map<std::string, std::vector<model::ClaimedTask>> lost_replies_;  // by claim id
  std::optional<Code> loses_reply_;
  bool doubles_replies_ = false;
  std::optional<api::ClaimReply> doubled_;
  api::DesiredReleases releases_;
  std::map<std::string, std::string> blobs_;
  int chunks_sent_ = 0;
  std::map<std::string, std::string> artifacts_;  ///< by sha256
  std::map<std::string, std::string> inputs_;     ///< by sha256
  std::optional<int> pieces_;                     ///< until the connection is cut
  Error refused_artifact();
  std::optional<Error> artifact_refusal_;
  int artifacts_refused_ = 0;
  bool away_ = false;
  bool known_ = false;
  int registrations_ = 0;
  int refused_registrations_ = 0;
  double beat_seconds_ = 0;
  api::Registration last_registration_;
  int next_id_ = 0;
};

/// Acks that echo the keys of these envelopes.
worker::Submission echo(const std::vector<std::string>& envelopes);
std::string key_of(const std::string& envelope);
std::string task_of(const std::string& envelope);

/// "noop" succeeds; "talk" writes output; "fail" fails; "wait" runs until cancelled; "stubborn"
/// runs until let_go(), whatever it is told; "slow" takes 120 ms; "disk" cannot run on this node
/// until let_go(), nor can "childless", and others can; "misfit" takes other parameters than those
/// of any task.
class ScriptedRunner final : public ports::TaskRunner {
 public:
  model::Outcome run(const ports::RunRequest& request, MonoMs deadline, ports::CancelToken& cancel,
                     const ports::TaskEvents& events) override;
  std::vector<ports::TaskType> types() const override;
  void on_change(std::function<void()> changed) override;
  /// A type appears or is replaced: "noop" and so on with this timeout.
  void set_timeout(const std::string& type, std::int64_t timeout_ms);
  /// What each task of type "leave" leaves, by name. Tasks of type "read" answer with their input.
  void leave(std::map<std::string, std::string> left) { left_ = std::move(left); }
  void let_go();
  /// Every task ends, now and from now on; when it returns none runs: a worker that goes leaves its
  /// threads behind in those that do.
  void finish();
  int running() const { return running_; }
  int most_running() const { return most_running_; }
  ports::CancelReason last_reason() const { return last_reason_; }

 private:
  model::Outcome perform(const std::string& type, ports::CancelToken& cancel,
                         const ports::TaskEvents& events);
  mutable std::mutex mutex_;
  std::map<std::string, std::int64_t> timeouts_;
  std::function<void()> changed_;
  std::condition_variable go_;
  bool free_ = false;
  std::map<std::string, std::string> left_;
  std::atomic<bool> over_{false};
  std::atomic<int> running_{0};
  std::atomic<int> most_running_{0};
  std::atomic<ports::CancelReason> last_reason_{ports::CancelReason::kNone};
};

class ScriptedHeartbeat final : public ports::Heartbeat {
 public:
  Result<std::string> beat(std::string_view control_plane, std::string_view token,
                           std::string_view beat_json, Millis timeout) override;
  void lose(const std::string& task_id);
  void fail(std::optional<Code> code);
  /// Every beat is answered so; "echo" = with itself.
  void answer(const std::string& body);
  std::vector<api::Beat> beats() const;

 private:
  mutable std::mutex mutex_;
  std::set<std::string> lost_;
  std::optional<Code> failure_;
  std::string answer_;
  std::vector<api::Beat> beats_;
};

}  // namespace skep::test
