// skep plugin install
#include "core/cli/plugin/install.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ostream>
#include <thread>

#include "core/app/app.hpp"
#include "core/app/node_files.hpp"
#include "core/base/fd.hpp"
#include "core/base/file.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/cli/base/running_node.hpp"
#include "core/cli/plugin/verbs.hpp"
#include "core/plugin/compat.hpp"
#include "core/plugin/elf_note.hpp"
#include "core/plugin/hazards.hpp"
#include "core/plugin/names.hpp"
#include "core/plugin/stage.hpp"
#include "core/proc/monotonic.hpp"
#include "skep/kind/task.h"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kServes = "the running node serves it";

struct Place {
  std::string folder;
  std::string policy{};              ///< [trust] policy of the folder's node; "" with --to
  plugin::RegistryOptions search{};  ///< what that node looks through
};

struct Examined {
  Installed installed;
  plugin::Manifest manifest;
};

std::string advice_of(const std::string& policy) {
  if (policy == "none") return "no node runs here now; the next one that starts takes it up";
  return "the node's [trust] policy is \"" + policy + "\"; no node runs here now";
}

/// `command` with the -c FILE of this call, as far as there is one.
std::string of_this_node(const Invocation& call, const std::string& command) {
  const std::string file = call.args.get("config");
  return file.empty() ? command : command + " -c " + shell_word(file);
}

/// What a node with this policy waits for.
std::string next_of(const Invocation& call, const std::string& policy, const std::string& path) {
  std::string sign = "skep plugin sign " + shell_word(path) + " -k KEY";
  std::string lock = of_this_node(call, "skep plugin lock " + shell_word(path));
  if (policy == "pin") return lock;
  if (policy == "signature") return sign;
  return policy == "both" ? sign + ", then " + lock : "";
}

bool is_writable(const std::string& folder) { return ::access(folder.c_str(), W_OK | X_OK) == 0; }

/// A folder that may be written, made when only it is missing.
bool usable(const std::string& folder) {
  std::error_code ec;
  if (fs::is_directory(folder, ec)) return is_writable(folder);
  return fs::create_directories(folder, ec) && ::chmod(folder.c_str(), S_IRWXU) == 0;
}

Expected<Place> place_of(Invocation& call) {
  if (const std::string to = call.args.get("to"); !to.empty()) {
    std::error_code ec;
    plugin::RegistryOptions search;
    search.paths = {to};
    search.reserved = app::shipped_names();
    if (fs::is_directory(to, ec)) return Place{to, "", std::move(search)};
    return Failure(not_found("folder", to).with_next("mkdir -p " + shell_word(to)));
  }
  auto loaded = load_config(call, true);
  if (!loaded) return loaded.error();
  plugin::RegistryOptions search;
  app::set_plugin_search(loaded->config, search);
  search.tables = loaded->config.plugins.tables;
  const auto folders = app::plugin_paths(loaded->config);
  for (const std::string& folder : folders)
    if (usable(folder)) return Place{folder, loaded->config.trust.policy, std::move(search)};
  return Failure(
      Error{Code::kDenied,
            "no plugin folder of the node may be written by this user: " + join(folders, ", "),
            "no-plugin-folder", "run it as the node's user, or name one: --to DIR"});
}

Status copy_synced(const std::string& from, const std::string& to) {
  auto bytes = read_file(from, plugin::kMaxPluginBytes);
  if (!bytes) return not_found("plugin file", from);
  const UniqueFd fd(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd) return errno_error("write " + to, errno);
  for (std::string_view left = *bytes; !left.empty();) {
    const auto n = ::write(fd.get(), left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("write " + to, errno);
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fchmod(fd.get(), 0644) != 0 || ::fsync(fd.get()) != 0)
    return errno_error("write " + to, errno);
  return {};
}

/// Checks the copy, which nobody else writes, and not the file that it came from.
Result<Examined> examine(const std::string& copy) {
  const auto inspected = plugin::inspect(copy);
  if (!inspected) return inspected.error();
  auto manifest = plugin::parse_manifest(inspected->manifest);
  if (!manifest) return Error(manifest.error()).with_next("correct plugin.json, and build again");
  SKEP_TRY(plugin::check_fit(*manifest, inspected->sha256));
  const auto hazards = plugin::scan_hazards(copy);
  if (!hazards) return hazards.error();
  SKEP_TRY(plugin::refuse_hazards(*hazards));
  Installed out{manifest->id, manifest->version, inspected->sha256, "", "", {}};
  for (const auto& c : manifest->components)
    if (c.kind == SKEP_KIND_TASK) out.task_types.push_back(c.name);
  return Examined{std::move(out), std::move(*manifest)};
}

/// Another file of the folder with the same id would go on winning, or lose, by its name alone.
Status check_only_one(const std::string& folder, const Installed& fresh, const std::string& path) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder, ec)) {
    if (entry.path().extension() != ".so" || entry.path().string() == path) continue;
    const auto other = plugin::inspect(entry.path().string());
    if (!other) continue;
    const auto manifest = plugin::parse_manifest(other->manifest);
    if (manifest && manifest->id == fresh.id)
      return Error{Code::kState,
                   "plugin " + fresh.id + " is there already, as " + entry.path().string(),
                   "plugin-exists", "remove that file, or give yours its name"};
  }
  return {};
}

/// One install at a time. Another one does not take long, unless it was stopped.
Result<UniqueFd> lock_folder(const std::string& folder) {
  constexpr Millis kPatience{3'000};
  constexpr Millis kPause{50};
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno_error("lock " + folder, errno);
  const MonoMs until = proc::monotonic_ms() + kPatience.count();
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return errno_error("lock " + folder, errno);
    if (interrupted()) return interruption();
    if (proc::monotonic_ms() >= until)
      return Error{Code::kBusy, "another install is at work in " + folder, "install-busy",
                   "wait for it, or see which process it is: fuser -v " + shell_word(folder)};
    std::this_thread::sleep_for(kPause);
  }
  return fd;
}

/// What installs that were killed left in the folder, which is locked.
void remove_leftovers(const std::string& folder) {
  std::error_code ec;  // best effort: they are hidden and have no .so name
  std::vector<fs::path> left;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(".") && name.ends_with(".so.tmp")) left.push_back(*it);
  }
  for (const fs::path& file : left) fs::remove(file, ec);
}

/// No name of it belongs to another plugin of the node, by the files and what it remembers.
Status check_names(const plugin::RegistryOptions& search, const plugin::Manifest& fresh,
                   const std::string& path) {
  auto files = plugin::scan_folders(search.paths, plugin::host_abi());
  std::erase_if(files, [&](const plugin::PluginFile& f) { return f.info.path == path; });
  static_cast<void>(plugin::apply_tables(search.tables, search.arrivals, files));
  plugin::NameBook names(search.reserved, search.names_file);
  names.settle(files, search.is_pinned, [](std::string_view) { return false; });
  return names.check(fresh);
}

Result<Installed> put(const std::string& file, const Place& place) {
  const std::string& folder = place.folder;
  const std::string name = fs::path(file).filename().string();
  if (!name.ends_with(".so"))
    return invalid("\"" + name + "\" does not end in .so, so no node would look at it");
  const std::string path = (fs::path(folder) / name).string();
  const auto lock = lock_folder(folder);
  if (!lock) return lock.error();
  remove_leftovers(folder);
  const std::string temp = (fs::path(folder) / ("." + name + ".tmp")).string();
  Status status = copy_synced(file, temp);
  auto examined = status ? examine(temp) : Result<Examined>(status.error());
  if (examined) status = check_only_one(folder, examined->installed, path);
  if (examined && status) status = check_names(place.search, examined->manifest, path);
  if (examined && status && ::rename(temp.c_str(), path.c_str()) != 0)
    status = errno_error("rename " + temp, errno);
  if (!examined || !status) {
    ::unlink(temp.c_str());  // best effort: it is hidden and has no .so name
    return examined ? status.error() : examined.error();
  }
  SKEP_TRY(sync_folder(folder));
  examined->installed.path = path;
  return std::move(examined->installed);
}

/// What the node says of the plugin: it serves this file, it refused it, or nothing yet.
std::string verdict_of(const json::value& list, Installed& i) {
  for (const json::object* p : items_of(list)) {
    if (get_string(*p, "id") != i.id) continue;
    const bool shown = get_string(*p, "sha256") == i.sha256;  // else an older one serves
    const bool failed = get_string(*p, "failed_sha256") == i.sha256;
    const bool loaded = shown && get_string(*p, "state") == "loaded";
    const std::string why = get_string(*p, "reason");
    if (loaded && !failed) return std::string(kServes);
    if ((!shown && !failed) || why.empty()) continue;
    if (loaded) return "the running node goes on as before: " + why;
    i.refused = failed || get_string(*p, "state") == "refused";
    return "the running node does not serve it: " + why;
  }
  return "";
}

Error refusal_of(const Installed& i) {
  return Error{Code::kState, i.node, "plugin-refused", i.next};
}

/// Names the plugin files beside it that its name may have been meant for.
Error no_such_file(const std::string& file) {
  const fs::path path(file);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::vector<std::string> there;
  std::error_code ec;  // a folder that cannot be read offers no hint
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
    if (it->path().extension() == ".so") there.push_back(it->path().filename().string());
  std::sort(there.begin(), there.end());
  Error error = not_found("plugin file", file);
  if (there.empty())
    return std::move(error).with_next(
        "build it first   or   skep plugin new NAME for one that builds");
  const std::string near = nearest(path.filename().string(), there);
  const fs::path meant = path.parent_path() / (near.empty() ? there.front() : near);
  error.message += "; " + suggestion(path.filename().string(), there);
  return std::move(error).with_next("skep plugin install " + shell_word(meant.string()));
}

Expected<int> install(Invocation& call) {
  const auto installed = install_plugin(call, call.args.get("FILE"));
  if (!installed) return installed.error();
  print_installed(call, *installed);
  return installed->refused ? exit_code_of(refusal_of(*installed)) : 0;
}

}  // namespace

std::vector<Option> install_options() {
  auto options = config_options();
  options.push_back({"to", 0, "DIR", "put it into this folder"});
  return options;
}

Expected<Installed> install_plugin(Invocation& call, const std::string& file) {
  const auto place = place_of(call);
  if (!place) return place.error();
  std::error_code ec;
  if (!fs::is_regular_file(file, ec)) return Failure(no_such_file(file));
  log::configure("text", "error");  // a scan's warnings of other files are not its business
  auto installed = put(file, *place);
  if (!installed) return Failure(installed.error().within(file));
  if (place->policy.empty()) return std::move(*installed);
  installed->node = await_uptake(
      call, "/api/node/plugins",
      [&](const json::value& list) { return verdict_of(list, *installed); },
      advice_of(place->policy), of_this_node(call, "skep plugin list"));
  if (installed->node == kServes)
    await_task_types(call, installed->task_types);
  else
    installed->next = next_of(call, place->policy, installed->path);
  return std::move(*installed);
}

void print_installed(Invocation& call, const Installed& i) {
  const json::object document{
      {"id", i.id}, {"version", i.version}, {"sha256", i.sha256}, {"path", i.path}};
  const bool printed = print_document(call.console, call.format, document, "id");
  if (!printed)
    call.console.out << "installed " << i.id << ' ' << i.version << " (sha256 "
                     << i.sha256.substr(0, 12) << ") as " << i.path << '\n';
  if (i.refused) return print_failure(call.console, refusal_of(i));
  if (printed) return;
  call.console.note(i.node);
  if (!i.next.empty()) call.console.note("  next:  " + i.next);
}

Command install_command() {
  Command c{"plugin install", "check a plugin file and put it into a node's plugin folder"};
  c.positionals = {{"FILE", "NAME.so"}};
  c.options = install_options();
  c.notes =
      "The folders of a node are [plugins] paths, else STATE_DIR/plugins and then the folder of "
      "the\n"
      "shipped plugins; the first one that this user may write is taken, so STATE_DIR/plugins "
      "unless\n"
      "configured otherwise. Without -c, STATE_DIR is ./.skep. The file appears complete or not "
      "at\n"
      "all, and a node that runs goes on with the old one until the new one serves; the exit code "
      "is\n"
      "5 when it refuses the file, with its reason.";
  c.examples = {"skep plugin install b/hello.so -c worker.toml",
                "skep plugin install b/hello.so --to /var/lib/skep/plugins"};
  c.run = install;
  return c;
}

}  // namespace skep::cli
