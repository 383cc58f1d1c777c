// What the tests of child processes share: fixture plugins in groups, and tasks for them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "core/base/json.hpp"
#include "core/plugin/adapters/task_call.hpp"
#include "core/plugin/instance.hpp"
#include "core/plugin/isolation/child_group.hpp"
#include "tests/unit/plugin/support.hpp"
#include "tests/unit/proc/support.hpp"

namespace skep::plugin {

/// A child is up by then, however busy the machine is.
inline constexpr Millis kTimeToStart{120'000};

/// A fixture, staged as a registry would, with a state folder of its own.
class Staging {
 public:
  Staging() : area_(checked(StagingArea::open(dir_.file("staging")))) {}

  ChildPlugin plugin(const std::string& file, const std::string& id) {
    ChildPlugin out;
    out.plughost = SKEP_BUILD_DIR "/bin/skep-plughost";
    out.file = checked(area_.stage(fixture(file), id));
    out.plugin_id = out.component = id;
    out.version = "1.2.3";
    out.kind = "skep.kind.task/1";
    out.config_json = "{}";
    out.generation = 7;
    out.permissions = {"http", "process", "secrets", "task"};
    out.node_id = "worker-9";
    out.site = "site-a";
    out.state_dir = dir_.file("state");
    // Nobody is killed for being slow where that is not the subject.
    out.cancel_grace = Millis(60'000);
    out.limits.start_timeout = kTimeToStart;
    return out;
  }
  ChildPlugin unruly() { return plugin("unruly/unruly.so", "unruly"); }

 private:
  template <class T>
  static T checked(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
  }
  TempDir dir_;
  StagingArea area_;
};

/// What a plugin in this process would know of itself.
inline PluginFacts facts_of(const ChildPlugin& plugin) {
  return {plugin.plugin_id, plugin.version, plugin.generation, plugin.permissions,
          plugin.state_dir, plugin.node_id, plugin.site};
}

/// One task for a target: what it emits, as text, and how it ended.
class Attempt {
 public:
  model::Outcome in(TaskTarget& target, const std::string& request, MonoMs deadline = 0) {
    TaskCall call("unruly", deadline, cancel, events);
    call.nest(nested, outer);
    auto outcome = target.run(call, request);
    end = call.end();
    return outcome;
  }
  model::Outcome unruly(TaskTarget& target, const std::string& how, const std::string& word = "",
                        MonoMs deadline = 0) {
    JsonOut out;
    out.object().key("params").object().key("how").str(how).key("word").str(word);
    return in(target, out.end_object().end_object().take(), deadline);
  }

  ports::CancelToken cancel;
  ports::TaskRunner* nested = nullptr;  ///< what skep.svc.task reaches
  ports::RunRequest outer;
  CallEnd end = CallEnd::kOk;
  std::string seen;
  ports::TaskEvents events{
      [this](bool is_stderr, std::string_view bytes) {
        seen += is_stderr ? "2:" : "1:";
        seen += bytes;
        seen += "\n";
      },
      [this](std::uint32_t permille, std::string_view note) {
        seen += "p:" + std::to_string(permille) + " " + std::string(note) + "\n";
      },
      [this](std::string_view json) { seen += "l:" + std::string(json) + "\n"; }};
};

inline MonoMs from_now(std::int64_t ms) { return proc::monotonic_ms() + ms; }

inline std::string member(const std::string& json_text, std::string_view key) {
  const auto parsed = parse_json(json_text);
  return parsed && parsed->is_object() ? get_string(parsed->get_object(), key) : std::string();
}

}  // namespace skep::plugin
