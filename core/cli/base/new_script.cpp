#include "core/cli/base/new_script.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <ostream>

#include "core/app/app.hpp"
#include "core/app/node_files.hpp"
#include "core/base/file.hpp"
#include "core/base/id.hpp"
#include "core/base/json.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/base/running_node.hpp"
#include "core/plugin/registry.hpp"
#include "skep/kind/task.h"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemplate = R"(return skep.task {
  name = "NAME", version = "1.0.0", description = "says hello",
  params = { who = { type = "string", default = "world", description = "whom to greet" } },
  run = function(ctx, params)
    ctx.log.info("greeting", { who = params.who })
    return { text = "hello " .. params.who .. " from " .. ctx.site }
  end,
}
)";

constexpr std::string_view kTestTemplate = R"(test("greets whom it is told to", function(t)
  local result = t.run { who = "bee" }
  t.equal(result.text, "hello bee from test")
end)
)";

/// Where a new script is noticed by the node of -c, or of the defaults.
Expected<std::string> script_folder(Invocation& call) {
  if (call.args.has("dir")) return call.args.get("dir");
  const auto loaded = load_config(call, true);
  if (!loaded) return loaded.error();
  return app::script_paths(loaded->config).front();
}

/// A plugin's task type wins over a script's of the same name.
Status check_no_plugin_has(Invocation& call, const std::string& name) {
  const auto loaded = load_config(call, true);
  if (!loaded) return {};  // who needs it says so
  plugin::RegistryOptions options;
  app::set_plugin_search(loaded->config, options);
  options.staging_dir = loaded->config.node.state_dir + "/staging";  // nothing is loaded from there
  plugin::Registry registry(options);
  static_cast<void>(registry.scan());  // a file that does not fit has no say here
  for (const plugin::PluginInfo& p : registry.list())
    for (const plugin::ComponentInfo& c : p.components)
      if (c.kind == SKEP_KIND_TASK && c.name == name)
        return Error{Code::kState, "plugin " + p.id + " has the task type " + name + " already",
                     "exists", "skep script new my_" + name};
  return {};
}

std::string filled(std::string_view text, const std::string& name) {
  std::string out(text);
  if (const auto at = out.find("NAME"); at != std::string::npos) out.replace(at, 4, name);
  return out;
}

/// Appears whole under its name: a node that watches the folder never sees half of it.
Status write_new(const std::string& path, const std::string& text) {
  const std::string temp = path + ".new";
  std::ofstream out(temp, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out || std::rename(temp.c_str(), path.c_str()) != 0)
    return errno_error("write " + path, errno);
  return {};
}

/// What the node of the folder made of a new script; once it serves it, also its control plane
/// knows the type.
std::string await_script(Invocation& call, const std::string& name, const std::string& path) {
  bool serves = false;
  std::error_code ec;
  auto word = await_uptake(
      call, "/api/node/scripts",
      [&](const json::value& list) -> std::string {
        for (const json::object* o : items_of(list)) {
          if (!fs::equivalent(get_string(*o, "path"), path, ec)) continue;
          serves = get_string(*o, "state") == "active";
          if (serves) return "the running node serves it";
          if (auto why = get_string(*o, "reason"); !why.empty())
            return "the running node does not serve it: " + why;
        }
        return "";
      },
      "no node runs here now; the next one that starts takes it up", "skep script list");
  if (serves) await_task_types(call, {name});
  return word;
}

}  // namespace

Expected<int> make_script(Invocation& call) {
  const std::string name = call.args.get("NAME");
  const bool fine =
      is_name(name) && name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
  if (!fine || name.ends_with("_test"))
    return Failure(usage_error("\"" + name +
                               "\" is no name of a task type: a-z, 0-9, _ and -, and "
                               "not _test at the end"));
  SKEP_TRY(check_no_plugin_has(call, name));
  const auto folder = script_folder(call);
  if (!folder) return folder.error();
  std::error_code ec;
  fs::create_directories(*folder, ec);
  if (ec) return Failure(folder_error(*folder, ec.value()));
  const std::string path = *folder + "/" + name + ".lua";
  const std::string test = *folder + "/" + name + "_test.lua";
  for (const std::string& p : {path, test})
    if (fs::exists(p, ec))
      return Failure(Error{Code::kState, p + " exists already", "exists",
                           "skep script lint " + shell_word(path)});
  SKEP_TRY(write_new(test, std::string(kTestTemplate)));
  SKEP_TRY(write_new(path, filled(kTemplate, name)));
  call.console.out << path << '\n';
  if (!call.args.has("dir")) call.console.note(await_script(call, name, path));
  call.console.note("wrote " + path + " and its test\n  next:  skep script test " +
                    shell_word(path) + "\n         skep task submit " + name + " --wait");
  return 0;
}

}  // namespace skep::cli
