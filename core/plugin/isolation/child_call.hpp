// One task in a child, as the host sees it: the conversation from kRun to kDone.
#pragma once

#include <optional>
#include <string_view>

#include "core/plugin/isolation/child.hpp"
#include "core/plugin/isolation/task_frames.hpp"

namespace skep::plugin {

/// Lives on the thread that runs the task.
class ChildCall {
 public:
  ChildCall(Child& child, TaskCall& call);
  model::Outcome run(std::string_view script_id, std::string_view request_json);

 private:
  using Ended = std::optional<model::Outcome>;

  Ended step();
  Ended on_frames(bool wait);
  Ended on_frame(const frames::Frame& frame);
  bool is_due();
  Ended on_emit(const frames::Frame& frame);
  Ended on_ask(const frames::Frame& frame);
  Ended on_log(const frames::Frame& frame);
  Ended on_done(const frames::Frame& frame);
  Ended on_time();
  void forward_cancel();
  model::Outcome finished(skep_rc rc, DoneFrame done);
  model::Outcome crashed();
  model::Outcome violated(std::string_view what);
  bool spend(std::size_t bytes);

  Child& child_;
  ChildProcess& process_;
  TaskCall& call_;
  frames::Assembler parts_;
  frames::Assembler log_parts_;
  std::uint64_t budget_;    ///< bytes that it may still send
  MonoMs deadline_;         ///< 0 = none
  MonoMs kill_at_ = 0;      ///< once cancelled
  bool cancelled_ = false;  ///< and the child knows
};

}  // namespace skep::plugin
