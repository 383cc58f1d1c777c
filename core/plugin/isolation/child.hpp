// A started child: what the host asks of it, one request at a time.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "core/model/task.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/isolation/child_process.hpp"
#include "core/proc/process_service.hpp"

namespace skep::plugin {

/// Used by one thread at a time. After a request that failed as "plugin-crashed" or
/// "plugin-violation", and after a task that did, the child is over and only to be destroyed.
class Child {
 public:
  /// How the child itself did in a request.
  enum class State {
    kReady,
    kCrashed,  ///< it ended by itself
    kKilled,   ///< we ended it: deaf to cancellation, over a limit, or talking nonsense
  };

  /// Spawns it and has it load, create and start. `plugin` must outlive the child. Given up, see
  /// is_given_up(), when the call that needs it was told to stop and its grace is over.
  static Result<std::unique_ptr<Child>> start(const ChildPlugin& plugin,
                                              const proc::CallControl& call = {});
  /// Is this the error of a start or load() that was given up? The child is over.
  static bool is_given_up(const Error& error);

  /// Before a request: takes in what the child wrote after the last one. False when it died, or
  /// was stopped by a signal, while nobody looked.
  bool get_ready() { return state_ == State::kReady && process_->catch_up(); }
  State state() const { return state_; }
  const std::string& last_error() const { return last_error_; }

  /// Runs a task; with a script_host, the script `script_id`, which it must know.
  model::Outcome run(TaskCall& call, std::string_view script_id, std::string_view request_json);

  /// It has run enough tasks, or has grown too large: to be stopped before it serves another one.
  bool is_worn() const;

  bool knows(std::string_view script_id) const { return scripts_.contains(script_id); }
  Result<std::string> load(std::string_view id, std::string_view file, std::string_view source,
                           const proc::CallControl& call = {});
  void drop(std::string_view id);
  const std::set<std::string, std::less<>>& scripts() const { return scripts_; }

  /// Stops the component and lets the process end within `grace`; kills it then.
  void stop(Millis grace);
  /// Ends it while another thread runs a task in it; the task then fails as unavailable. [any]
  void doom();

 private:
  explicit Child(std::unique_ptr<ChildProcess> process) : process_(std::move(process)) {}
  friend class ChildCall;

  Status hello(const proc::CallControl& call);
  /// The body of the answer to a request other than a task, which may take the start's time.
  Result<std::string> answer(frames::Type type, const proc::CallControl& call);
  /// Ends the child and says how it ended: "plugin-crashed" or "plugin-violation", kUnavailable
  /// when it was only slow.
  Error crashed(std::string_view doing);
  Error violated(std::string_view what, Code code = Code::kInternal);
  Error given_up();
  /// Takes a frame that may come at any time; false when it is none of these.
  bool on_word(const frames::Frame& frame);
  void log_line(const frames::Frame& frame);
  void set_figure(const frames::Frame& frame);
  template <class Work>
  Result<std::string> permitted(std::string_view service, Work work) const;
  /// Answers what the child asks for, within a task (`call`) or without one (null). kCorrupt when
  /// it asks for nonsense, else an error when it is gone: either way it is to be ended.
  Status serve_ask(const frames::Frame& frame, TaskCall* call);

  std::unique_ptr<ChildProcess> process_;
  State state_ = State::kReady;
  std::string last_error_;
  std::set<std::string, std::less<>> scripts_;
  frames::Assembler asked_;
  std::int64_t tasks_ = 0;      ///< that it ran
  bool out_of_memory_ = false;  ///< in the last of them
  std::atomic<bool> doomed_{false};
};

}  // namespace skep::plugin
