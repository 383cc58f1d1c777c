// skep config check, show
#include "core/cli/node/verbs.hpp"

#include <ostream>

#include "core/app/node_check.hpp"
#include "core/app/node_files.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/config/show.hpp"

namespace skep::cli {
namespace {

std::string summary_json(const std::string& path, const config::Loaded& loaded) {
  const config::Config& c = loaded.config;
  JsonOut out;
  out.object().key("status").str("ok").key("file").str(path);
  out.key("id").str_or_null(c.node.id).key("site").str(c.node.site).key("roles").array();
  for (const std::string& role : c.node.roles) out.str(role);
  out.end_array().key("state_dir").str(c.node.state_dir).key("warnings").array();
  for (const std::string& warning : loaded.warnings) out.str(warning);
  return out.end_array().end_object().take();
}

/// Of a node with both roles that was not told otherwise, itself.
std::string control_plane_of(const config::Loaded& loaded) {
  const config::Config& c = loaded.config;
  const bool told = loaded.origins.at("worker.control_plane_url").kind != config::Layer::kDefault;
  return c.is_control() && !told ? "this node itself" : join(c.worker.control_plane_url, ", ");
}

void print_summary(const Console& console, const std::string& path, const config::Loaded& loaded) {
  const config::Config& c = loaded.config;
  console.out << path << ": ok\n"
              << "  node     " << (c.node.id.empty() ? "(made at the first start)" : c.node.id)
              << " at site " << c.node.site << ", " << join(c.node.roles, " and ") << '\n'
              << "  state    " << c.node.state_dir << '\n';
  if (c.is_control())
    console.out << "  control  listens on " << join(c.http.listen, ", ") << "; queue "
                << c.queue.plugin << ", store " << c.store.plugin << '\n';
  const std::string folder = app::spool_folder(c);
  if (c.is_worker())
    console.out << "  worker   of " << control_plane_of(loaded) << "; " << c.worker.concurrency
                << " tasks at once; spool " << c.spool.plugin
                << (folder.empty() ? "" : " in " + folder) << '\n';
}

Expected<int> check_config(Invocation& call) {
  auto found = inspect_config(call);
  if (!found) return found.error();
  // Where a key of theirs is wrong, what is said of plugins would be a guess.
  if (found->plugins_are_clear) {
    const app::NodeProblems more = app::check_node(found->loaded);
    for (const std::string& warning : more.warnings) call.console.note("warning: " + warning);
    found->problems.insert(found->problems.end(), more.errors.begin(), more.errors.end());
  }
  if (!found->problems.empty()) return config_failure(call, found->problems);
  const std::string path = call.args.get("config", "the environment");
  const auto document = parse_json(summary_json(path, found->loaded));
  if (!document) return document.error();
  if (!print_document(call.console, call.format, *document, "file"))
    print_summary(call.console, path, found->loaded);
  return 0;
}

Expected<int> show_config(Invocation& call) {
  const auto loaded = load_config(call, true);
  if (!loaded) return loaded.error();
  if (call.for_people()) {
    const std::string text = config::show(*loaded, call.args.has("origin"));
    call.console.out << (call.console.out_is_tty ? printable(text, true) : text);
    return 0;
  }
  const auto document = parse_json(config::show_json(*loaded));
  if (!document) return document.error();
  print_document(call.console, call.format, *document, "id");
  return 0;
}

}  // namespace

std::vector<Command> config_commands() {
  Command one{"config check",
              "check a configuration, its plugins and token files; list every problem (exit 78)"};
  one.options = config_options();
  one.run = check_config;
  Command all{"config show", "print the configuration in force, defaults included"};
  all.options = config_options();
  all.options.push_back({"origin", 0, "", "say where each value came from"});
  all.run = show_config;
  return {std::move(one), std::move(all)};
}

}  // namespace skep::cli
