// sdk_consumer_probe PLUGIN_FOLDER STAGING_FOLDER TYPE PARAMS: runs one task by a plugin of the
// folder and prints its result. Ends with 1 and the reason when anything is refused or fails.
#include <iostream>

#include "core/plugin/registry.hpp"
#include "core/plugin/task_table.hpp"

namespace {

int fail(const std::string& why) {
  std::cerr << why << "\n";
  return 1;
}

int probe(const std::string& folder, const std::string& staging, const std::string& type,
          const std::string& params) {
  skep::plugin::Registry registry({{folder}, staging, {}});
  if (const auto status = registry.scan(); !status) return fail(status.error().message);
  const auto tasks = registry.tasks();
  if (!tasks) return fail(tasks.error().message);
  for (const auto& plugin : registry.list())
    if (plugin.state != skep::plugin::PluginState::kLoaded)
      return fail(plugin.path + ": " + plugin.reason);
  skep::ports::RunRequest request;
  request.task.type = type;
  request.task.params = params;
  skep::ports::CancelToken cancel;
  const auto outcome = (*tasks)->run(request, 0, cancel, {});
  if (!outcome.error.empty()) return fail(outcome.error);
  std::cout << outcome.result << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return fail("usage: sdk_consumer_probe PLUGIN_FOLDER STAGING_FOLDER TYPE PARAMS");
  return probe(argv[1], argv[2], argv[3], argv[4]);
}
