// What the tests of execute_script share: the plugin in the fake host, with a work folder of its
// own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "skep/kind/task.h"
#include "tests/support/fake_host.hpp"
#include "tests/unit/proc/support.hpp"

namespace skep {

using proc::count_processes;
using proc::TempDir;
using test::FakeHost;
using test::TaskRun;

inline const std::string kManifest = SKEP_PLUGIN_DIR "/plugin.json";

class ExecuteScript : public ::testing::Test {
 protected:
  std::string config(const std::string& more = "") const {
    return "{\"work_dir\":\"" + work_.path() + "\"" + (more.empty() ? "" : "," + more) + "}";
  }
  TaskRun run(const std::string& params, const std::string& more_config = "",
              const test::TaskOptions& options = {}) const {
    FakeHost host(skep_plugin_entry_v1(), kManifest, config(more_config));
    return host.run(params, options);
  }
  bool work_dir_is_empty() const { return std::filesystem::is_empty(work_.path()); }

  TempDir work_;
};

namespace test {

/// Parameters with this script.
inline Json script(const std::string& text) {
  Json params;
  params.set("script", text);
  return params;
}

}  // namespace test
}  // namespace skep
