#include "core/cli/base/destination.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <filesystem>
#include <initializer_list>
#include <optional>

#include "core/base/fd.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/cli/base/node_config.hpp"
#include "core/supervise/state_folder.hpp"

namespace skep::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultServer = "http://127.0.0.1:9595";
constexpr const char* kUpFolder = "./.skep";
constexpr const char* kUpOrigin = "of skep up in ./.skep";

bool is_default(const config::Loaded& loaded, const std::string& key) {
  const auto origin = loaded.origins.find(key);
  return origin == loaded.origins.end() || origin->second.kind == config::Layer::kDefault;
}

std::string origin_of(const Invocation& call, const config::Loaded& loaded,
                      const std::string& key) {
  if (!is_default(loaded, key)) return "from " + config::to_string(loaded.origins.at(key));
  const std::string path = call.args.get("config");
  return "default of " + key + (path.empty() ? "" : " in " + path);
}

/// A default beside a problem may be the misspelt key, or one that could not be read.
bool is_doubtful(const config::Inspected& found, std::initializer_list<const char*> keys) {
  if (found.problems.empty()) return false;
  for (const char* key : keys)
    if (is_default(found.loaded, key)) return true;
  return false;
}

Expected<config::Inspected> read_what_can_be_read(Invocation& call) {
  auto source = config_source(call);
  if (!source) return source.error();
  source->salvage = true;
  return config::inspect(*source);
}

Failure says_nothing(const Invocation& call, const config::Inspected& found,
                     const std::string& how) {
  Failure failure = config_failure(call, found.problems);
  failure.error.next += "   or " + how;
  return failure;
}

/// "0.0.0.0:9595" is reached at 127.0.0.1.
std::string url_of(std::string address) {
  for (const auto& [any, loopback] : {std::pair{"0.0.0.0:", "127.0.0.1:"}, {"[::]:", "[::1]:"}})
    if (address.starts_with(any)) address = loopback + address.substr(std::string(any).size());
  return "http://" + address;
}

/// Whether the node of a state folder that is there runs; true when that cannot be told.
bool may_run(const std::string& state_dir) {
  std::error_code unreadable;
  if (!fs::is_directory(state_dir, unreadable)) return true;
  const std::string path = state_dir + "/node.sock";
  sockaddr_un address{};
  if (path.size() >= sizeof(address.sun_path)) return true;
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0)
    return true;
  return errno != ENOENT && errno != ECONNREFUSED;
}

/// Whoever answers at the address of a node that does not run is a stranger.
Expected<std::string> listener_of(const Invocation& call, const config::Config& config) {
  if (!may_run(config.node.state_dir))
    return Failure(unavailable("the control plane of " + call.args.get("config") +
                               " does not run: nothing answers on " + config.node.state_dir +
                               "/node.sock")
                       .named("unreachable")
                       .with_next("skep start -c " + shell_word(call.args.get("config")) +
                                  "   or   skep --server URL .."));
  const std::string& address = config.http.listen.front();
  if (!address.ends_with(":0")) return url_of(address);
  const std::string url = first_endpoint(config.node.state_dir);
  if (url.empty())
    return Failure(unavailable("the control plane of " + call.args.get("config") + " listens on " +
                               address + ", a port that is chosen at its start, and never started")
                       .named("unreachable")
                       .with_next("skep start -c " + shell_word(call.args.get("config")) +
                                  "   or   skep --server URL .."));
  return url_of(url.substr(url.find("://") + 3));
}

Expected<Destination> configured_control_plane(Invocation& call) {
  const auto found = read_what_can_be_read(call);
  if (!found) return found.error();
  const config::Config& config = found->loaded.config;
  const char* key = config.is_control() ? "http.listen" : "worker.control_plane_url";
  if (is_doubtful(*found, {"node.roles", key}))
    return says_nothing(call, *found, "name the control plane: --server URL");
  const std::string origin = origin_of(call, found->loaded, key);
  if (!config.is_control())
    return Destination{config.worker.control_plane_url.front(),
                       origin,
                       config.worker.token_file,
                       {},
                       call.args.get("config")};
  auto url = listener_of(call, config);
  if (!url) return url.error();
  return Destination{std::move(*url), origin, config.http.token_file, {}, call.args.get("config")};
}

/// Where neither the roles nor a control plane to work for is said, the control plane's way tells.
Expected<bool> is_of_worker(Invocation& call) {
  const auto found = read_what_can_be_read(call);
  if (!found) return found.error();
  return !found->loaded.config.is_control();
}

bool asks_control_plane(Reach reach) {
  return reach == Reach::kControlPlane || reach == Reach::kProbe;
}

Expected<Destination> configured(Invocation& call, Reach reach) {
  if (reach == Reach::kProbe) {
    const auto worker = is_of_worker(call);
    if (!worker) return worker.error();
    if (*worker) return configured_node(call);
  }
  return asks_control_plane(reach) ? configured_control_plane(call) : configured_node(call);
}

Destination node_of_up(const supervise::StateFolder& folder, const std::string& name,
                       const std::string& url) {
  return {url, kUpOrigin, {}, folder.folder(), folder.path(name + ".toml")};
}

Destination node_of_up(const supervise::StateFolder& folder, const std::string& name) {
  return node_of_up(folder, name, "unix:" + folder.socket_path(name));
}

/// The first site of a `skep up`: all of these share their plugin and script folders.
std::optional<Destination> site_of_up() {
  const supervise::StateFolder folder(kUpFolder);
  if (const auto up = folder.running())
    for (const auto& [name, process] : up->nodes)
      if (name != supervise::kControl) return node_of_up(folder, name);
  return std::nullopt;
}

/// The control plane of a `skep up`, which somebody else may have started again.
std::optional<Destination> control_of_up() {
  const supervise::StateFolder folder(kUpFolder);
  if (!folder.running()) return std::nullopt;
  return node_of_up(folder, supervise::kControl);
}

}  // namespace

std::string first_endpoint(const std::string& state_dir) {
  const auto text = read_file(state_dir + "/endpoints", 64 << 10);
  // A line without its end may be half written.
  const std::size_t end = text ? text->find('\n') : std::string::npos;
  return end == std::string::npos ? std::string() : text->substr(0, end);
}

Expected<Destination> configured_node(Invocation& call) {
  if (!call.args.has("config") && !call.args.has("set"))
    if (auto node = site_of_up()) return std::move(*node);
  const auto found = read_what_can_be_read(call);
  if (!found) return found.error();
  if (is_doubtful(*found, {"node.state_dir"}))
    return says_nothing(
        call, *found, "name the node: --set node.state_dir=FOLDER, --server unix:FOLDER/node.sock");
  return Destination{"unix:" + found->loaded.config.node.state_dir + "/node.sock",
                     origin_of(call, found->loaded, "node.state_dir"),
                     {},
                     {},
                     call.args.get("config")};
}

Expected<Destination> destination_of(Invocation& call, Reach reach) {
  if (call.args.is_typed("server"))
    return Destination{call.args.get("server"), "from --server", {}};
  if (call.args.is_typed("config") || call.args.has("set")) return configured(call, reach);
  if (call.args.has("server")) return Destination{call.args.get("server"), "from SKEP_SERVER", {}};
  if (call.args.has("config")) return configured(call, reach);
  if (reach == Reach::kEvents)
    if (auto control = control_of_up()) return std::move(*control);
  if (!asks_control_plane(reach)) return configured_node(call);
  std::error_code ignored;  // a folder that cannot be looked at is not ours
  const supervise::StateFolder folder(kUpFolder);
  const auto up = folder.running();
  if (!up && (fs::exists(folder.path("control.toml"), ignored) ||
              fs::exists(folder.path("up.json"), ignored)))
    return Failure(unavailable("the skep up of ./.skep does not run, and what answers on " +
                               std::string(kDefaultServer) + " would be a stranger")
                       .named("unreachable")
                       .with_next("skep up   or   skep --server URL .."));
  if (up && !up->url.empty()) return node_of_up(folder, supervise::kControl, up->url);
  return Destination{kDefaultServer, "the default", {}};
}

}  // namespace skep::cli
