// A child of the fixture that answers with its request.
#pragma once

#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/isolation/child_group.hpp"
#include "tests/bench/measure.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::bench {

/// The fixture whose result is its request, as a plugin for children.
inline plugin::ChildPlugin mirror_plugin(const plugin::StagingArea& area,
                                         const test::TempDir& dir) {
  plugin::ChildPlugin out;
  out.plughost = SKEP_BUILD_DIR "/bin/skep-plughost";
  out.file = checked(area.stage(SKEP_BUILD_DIR "/lib/skep/test-plugins/bench/mirror.so", "mirror"));
  out.plugin_id = out.component = "mirror";
  out.kind = SKEP_KIND_TASK;
  out.config_json = "{}";
  out.state_dir = dir.file("state");
  return out;
}

/// A request document of about this size with the parameter "x".
inline std::string request_of(std::size_t bytes) {
  return "{\"params\":{\"x\":\"" + std::string(bytes - 20, 'x') + "\"}}";
}

/// Runs a task that must succeed; its result.
inline std::string run_task(plugin::TaskTarget& target, const std::string& request) {
  static ports::CancelToken cancel;
  static const ports::TaskEvents events;
  plugin::TaskCall call("bench", 0, cancel, events);
  auto outcome = target.run(call, request);
  if (outcome.kind != model::OutcomeKind::kSucceeded) die(outcome.error);
  return std::move(outcome.result);
}

}  // namespace skep::bench
