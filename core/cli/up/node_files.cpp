#include "core/cli/up/node_files.hpp"

#include "core/app/app.hpp"
#include "core/app/node_files.hpp"
#include "core/base/clock.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"

namespace skep::cli {
namespace {

/// A TOML basic string; JSON's escapes are a subset of TOML's.
std::string toml_string(const std::string& text) {
  JsonOut out;
  return out.str(text).take();
}

/// "paths = [..]" of folders that every node may use, made when missing.
Result<std::string> shared_paths(const std::vector<std::string>& folders) {
  SKEP_TRY(app::make_state_dir(folders.front()));
  std::vector<std::string> words;
  for (const std::string& folder : folders) words.push_back(toml_string(folder));
  return "paths = [" + join(words, ", ") + "]\n";
}

}  // namespace

std::string stopping_words() {
  const std::int64_t drain = seconds_to_ms(config::Config().worker.drain_seconds);
  return "stopping: workers finish what they run, for " + human_duration(drain) +
         " at most; the rest goes back to the queue";
}

std::string worker_id_of(const std::string& site) { return "worker-" + site + "-01"; }

Result<std::string> write_control_toml(const supervise::StateFolder& state, const UpPlan& plan) {
  std::vector<std::string> listen;
  for (const std::string& address : plan.listen) listen.push_back(toml_string(address));
  return state.write_toml(
      kControl,
      "[node]\nid = \"control\"\nsite = \"control\"\nroles = [\"control\"]\nstate_dir = " +
          toml_string(state.path(kControl)) + "\n\n[http]\nlisten = [" + join(listen, ", ") +
          "]\n");
}

Result<std::string> write_site_toml(const supervise::StateFolder& state, const std::string& site,
                                    const std::string& control_url, bool docker) {
  config::Config shared;
  shared.node.state_dir = state.folder();
  const auto plugins = shared_paths(app::plugin_paths(shared));
  if (!plugins) return plugins.error();
  const auto scripts = shared_paths(app::script_paths(shared));
  if (!scripts) return scripts.error();
  return state.write_toml(
      site, "[node]\nid = " + toml_string(worker_id_of(site)) + "\nsite = " + toml_string(site) +
                "\nroles = [\"worker\"]\nstate_dir = " + toml_string(state.path(site)) +
                "\n\n[worker]\ncontrol_plane_url = [" + toml_string(control_url) +
                "]\nheartbeat_interval_seconds = 5.0\ncapabilities = { docker = " +
                (docker ? "true" : "false") +
                ", gpu = false }\n\n[spool]\nplugin = \"file\"\ndir = " +
                toml_string(state.path(site + "/offline")) + "\n\n[plugins]\n" + *plugins +
                "\n[scripts]\n" + *scripts);
}

}  // namespace skep::cli
