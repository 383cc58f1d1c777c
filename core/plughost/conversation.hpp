// The child's end of the conversation: start, tasks, scripts, stop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/plughost/host_line.hpp"
#include "core/plughost/threads.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/instance.hpp"
#include "core/plugin/isolation/frames.hpp"
#include "core/plugin/isolation/shared_cancel.hpp"
#include "core/plugin/isolation/task_frames.hpp"
#include "skep/kind/script_host.h"

namespace skep::plughost {

/// Lives on the main thread; all calls into the plugin but its own threads' are made there.
class Conversation {
 public:
  Conversation(UniqueFd socket, plugin::SharedCancel cancel);
  /// Serves until the host says stop or is gone, then stops and closes the plugin.
  void run();

 private:
  Status start(std::string_view body);
  /// False when it is time to end.
  bool serve(const plugin::frames::Frame& frame);
  template <class Work>
  auto while_open(Work work);
  void run_task(std::string_view body);
  skep_rc run_in_call(const plugin::RunFrame& run, plugin::DoneFrame& done);
  skep_rc call_plugin(const plugin::RunFrame& run, plugin::TaskCall& call, std::string& threw);
  void load(std::string_view body);
  void drop(std::string_view script_id);
  void send(plugin::frames::Type type, std::int32_t value, std::string_view body);

  plugin::frames::Link link_;
  HostLine line_{link_};
  plugin::SharedCancel cancel_;
  plugin::frames::Assembler parts_;
  std::shared_ptr<plugin::Instance> instance_;
  std::string plugin_id_;
  std::string component_;
  std::optional<ThreadWatch> threads_;            ///< from when the component has started
  const skep_task_v1* task_ = nullptr;            ///< when it is a task
  const skep_script_host_v1* scripts_ = nullptr;  ///< when it is a script_host
};

}  // namespace skep::plughost
