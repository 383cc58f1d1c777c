#include "tests/support/script_rig.hpp"

#include <fstream>
#include <stdexcept>

#include "core/plugin/scripts/open_engine.hpp"
#include "core/plugin/scripts/registry.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::test {
namespace {

plugin::RegistryOptions options_of(const std::string& state_dir) {
  plugin::RegistryOptions o;
  o.paths = {SKEP_TEST_PLUGIN_DIR};
  o.staging_dir = state_dir + "/staging";
  o.state_dir = state_dir;
  return o;
}

void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (!(out << text << std::flush)) throw std::runtime_error("cannot write " + path);
}

}  // namespace

ScriptRig::ScriptRig(const std::string& lua_table, const std::string& isolation)
    : registry_(options_of(dir_.path())) {
  if (const auto scanned = registry_.scan(); !scanned)
    throw std::runtime_error(scanned.error().message);
  plugin::EngineOptions options;
  options.table = lua_table;
  options.isolation = isolation;
  options.staging_dir = dir_.path() + "/staging";
  options.state_dir = dir_.path();
  auto engine = plugin::open_script_engine(registry_, options);
  if (!engine) throw std::runtime_error(engine.error().message);
  engine_ = std::move(*engine);
}

Result<std::string> ScriptRig::load(const std::string& source) {
  return engine_->load("test", "t.lua", source);
}

ScriptRun ScriptRig::run(const std::string& source, const std::string& params,
                         const std::vector<std::string>& granted, Millis timeout) {
  const std::string folder = dir_.path() + "/scripts";
  write(folder + "/t.lua", source);
  plugin::ScriptOptions options;
  options.paths = {folder};
  options.policy.allow = granted;
  plugin::ScriptRegistry catalog(options, engine_, table());
  catalog.scan();
  for (const auto& info : catalog.list())
    if (info.state != plugin::ScriptState::kActive) throw std::runtime_error(info.reason);
  ScriptRun run;
  ports::TaskEvents events;
  events.output = [&run](bool is_err, std::string_view bytes) {
    (is_err ? run.err : run.out) += bytes;
  };
  events.log = [&run](std::string_view line) { run.logs.emplace_back(line); };
  events.progress = [&run](std::uint32_t permille, std::string_view note) {
    run.progress.push_back(std::to_string(permille) + " " + std::string(note));
  };
  ports::RunRequest request;
  request.task.type = "t";
  request.task.params = params;
  request.task.lease.task_id = "task-1";
  request.task.lease.attempt = 2;
  request.worker_id = "worker-1";
  request.site = "site-a";
  ports::CancelToken token;
  {
    const std::lock_guard lock(mutex_);
    running_ = &token;
  }
  run.outcome = table()->run(request, proc::monotonic_ms() + timeout.count(), token, events);
  const std::lock_guard lock(mutex_);
  running_ = nullptr;
  return run;
}

ScriptRun ScriptRig::body(const std::string& body, const std::string& params) {
  return run(script_with(body, R"("exec", "facts", "http", "kv", "task")"), params);
}

void ScriptRig::cancel() {
  const std::lock_guard lock(mutex_);
  if (running_ != nullptr) running_->cancel(ports::CancelReason::kUser);
}

std::string script_with(const std::string& body, const std::string& permissions) {
  return "return skep.task { name = \"t\", version = \"1.0.0\", permissions = { " + permissions +
         " },\n  params = { type = \"object\", additionalProperties = true, properties = {} },\n"
         "  run = function(ctx, params)\n" +
         body + "\nend }\n";
}

}  // namespace skep::test
