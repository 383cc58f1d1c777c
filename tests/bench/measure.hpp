// What the benchmark programs share: clocks, lines `bench NAME VALUE UNIT`, and tasks to call.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/isolation/child_group.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::bench {

using Steady = std::chrono::steady_clock;

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what.c_str());
  std::exit(1);
}

template <class T>
T checked(Result<T> result) {
  if (!result) die(result.error().message);
  return std::move(*result);
}

template <class Work>
double micros(Work&& work) {
  const auto start = Steady::now();
  work();
  return std::chrono::duration<double, std::micro>(Steady::now() - start).count();
}

/// Samples in microseconds as NAME_p50, NAME_p99 and NAME_max. Prints at once: the line is there
/// when a later part dies.
inline void report(const std::string& name, std::vector<double> samples) {
  if (samples.empty()) die(name + ": nothing was measured");
  std::sort(samples.begin(), samples.end());
  const auto line = [&](const char* what, double value) {
    std::printf("bench %s_%s %.1f us\n", name.c_str(), what, value);
  };
  line("p50", samples[samples.size() / 2]);
  line("p99", samples[samples.size() * 99 / 100]);
  line("max", samples.back());
  std::fflush(stdout);
}

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
