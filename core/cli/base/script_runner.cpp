#include "core/cli/base/script_runner.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "core/app/app.hpp"
#include "core/base/file.hpp"
#include "core/base/log.hpp"
#include "core/plugin/scripts/open_engine.hpp"
#include "core/plugin/task_table.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

plugin::RegistryOptions registry_options(std::vector<std::string> paths,
                                         const std::string& folder) {
  plugin::RegistryOptions o;
  o.paths = paths.empty() ? app::default_plugin_paths() : std::move(paths);
  o.staging_dir = folder + "/staging";
  o.state_dir = folder;
  return o;
}

Status write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text << std::flush;
  if (!out) return errno_error("write " + path, errno);
  return {};
}

}  // namespace

Option language_option() {
  return {"plugins", 0, "FOLDER", "find the language's plugin here instead", true};
}

Expected<ScriptSource> read_source(const std::string& path) {
  auto text = load_input(path, plugin::kMaxScriptBytes);
  if (!text) return Failure(not_found("script", path).with_next("skep script new NAME --dir ."));
  return ScriptSource{path, fs::path(path).filename().string(), std::move(*text)};
}

ScriptRunner::ScriptRunner(std::string folder, plugin::RegistryOptions options)
    : folder_(std::move(folder)), registry_(std::move(options)) {}

ScriptRunner::~ScriptRunner() {
  engine_.reset();
  std::error_code ec;  // a leftover in the temporary folder harms nobody
  fs::remove_all(folder_, ec);
}

Expected<std::unique_ptr<ScriptRunner>> ScriptRunner::open(std::vector<std::string> plugin_paths) {
  log::configure("text", "error");
  std::string folder = (fs::temp_directory_path() / "skep-workshop-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return Failure(errno_error("make " + folder, errno));
  auto options = registry_options(std::move(plugin_paths), folder);
  std::unique_ptr<ScriptRunner> runner(new ScriptRunner(folder, std::move(options)));
  if (auto scanned = runner->registry_.scan(); !scanned) return Failure(scanned.error());
  plugin::EngineOptions host;
  host.staging_dir = folder + "/staging";
  host.state_dir = folder;
  auto engine = plugin::open_script_engine(runner->registry_, host);
  if (!engine) return Failure(engine.error());
  runner->engine_ = std::move(*engine);
  return runner;
}

Expected<plugin::ScriptManifest> ScriptRunner::inspect(const std::string& file,
                                                       const std::string& text) {
  const auto said = engine_->load("inspected", file, text);
  if (!said) return Failure(said.error());
  auto manifest = plugin::parse_script_manifest(*said, file);
  if (!manifest) return Failure(manifest.error());
  return std::move(*manifest);
}

Expected<model::Outcome> ScriptRunner::run(const std::string& file, const std::string& text,
                                           const std::string& params, Millis timeout,
                                           const ports::TaskEvents& events) {
  auto manifest = inspect(file, text);
  if (!manifest) return manifest.error();
  if (!plugins_started_ && !manifest->permissions.empty()) {
    if (const auto started = registry_.tasks(); !started) return Failure(started.error());
    plugins_started_ = true;
  }
  plugin::ScriptOptions options;
  options.paths = {folder_ + "/scripts"};
  options.policy.allow = plugin::script_permissions();
  std::error_code ec;
  fs::remove_all(options.paths.front(), ec);
  fs::create_directory(options.paths.front(), ec);
  // Under its own name, for messages; a test is no script by its name, and this one is.
  const std::string path = options.paths.front() + "/" + file;
  if (auto written = write_file(path, text); !written) return Failure(written.error());
  plugin::ScriptRegistry catalog(options, engine_, registry_.task_table());
  catalog.scan();
  for (const auto& info : catalog.list())
    if (info.state != plugin::ScriptState::kActive) return Failure(invalid(info.reason));
  ports::RunRequest request;
  request.task.type = manifest->name;
  request.task.params = params;
  request.task.lease.task_id = "local";
  request.task.lease.attempt = 1;
  request.task.timeout_ms = timeout.count() > 0 ? timeout.count() : manifest->timeout_ms;
  request.worker_id = "local";
  request.site = "local";
  ports::CancelToken cancel;
  return registry_.task_table()->run(request, proc::monotonic_ms() + request.task.timeout_ms,
                                     cancel, events);
}

}  // namespace skep::cli
