// What this process asks its host for while it serves a request.
#pragma once

#include <string>
#include <string_view>

#include "core/base/mutex.hpp"
#include "core/plugin/isolation/frames.hpp"
#include "core/ports/task_runner.hpp"

namespace skep::plughost {

/// Any thread of the plugin may ask, one at a time, while the conversation's own thread is inside
/// the plugin and does not read.
class HostLine {
 public:
  explicit HostLine(plugin::frames::Link& link) : link_(link) {}

  /// What the host answers. kState while no request is served. [any]
  Result<std::string> ask(plugin::frames::Ask what, std::string_view body);

  /// While one lives, questions are answered; its end waits for the last answer.
  class Open {
   public:
    explicit Open(HostLine& line) : line_(line) { line_.set_open(true); }
    ~Open() { line_.set_open(false); }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;

   private:
    HostLine& line_;
  };

 private:
  void set_open(bool open);
  Result<std::string> read_answer() SKEP_REQUIRES(asking_);

  plugin::frames::Link& link_;
  Mutex asking_;  ///< for one question and its answer
  bool open_ SKEP_GUARDED_BY(asking_) = false;
};

/// Tasks that a task in this process asks for: the host runs them.
class NestedTasks final : public ports::TaskRunner {
 public:
  explicit NestedTasks(HostLine& line) : line_(line) {}
  /// Of the request only the type and the parameters travel; the host knows the rest itself.
  model::Outcome run(const ports::RunRequest& request, MonoMs deadline, ports::CancelToken& cancel,
                     const ports::TaskEvents& events) override;
  std::vector<ports::TaskType> types() const override { return {}; }

 private:
  HostLine& line_;
};

}  // namespace skep::plughost
