#include "core/cli/target.hpp"

#include <initializer_list>

#include "core/cli/node_config.hpp"
#include "core/cli/up_state.hpp"

namespace skep::cli {
namespace {

constexpr const char* kDefaultServer = "http://127.0.0.1:9595";
constexpr const char* kUpFolder = "./.skep";

bool is_default(const config::Loaded& loaded, const std::string& key) {
  const auto origin = loaded.origins.find(key);
  return origin == loaded.origins.end() || origin->second.kind == config::Layer::kDefault;
}

std::string origin_of(const Session& s, const config::Loaded& loaded, const std::string& key) {
  if (!is_default(loaded, key)) return "from " + config::to_string(loaded.origins.at(key));
  const std::string path = s.args.get("config");
  return "default of " + key + (path.empty() ? "" : " in " + path);
}

/// A default beside a problem may be the misspelt key, or one that could not be read.
bool is_doubtful(const config::Inspected& found, std::initializer_list<const char*> keys) {
  if (found.problems.empty()) return false;
  for (const char* key : keys)
    if (is_default(found.loaded, key)) return true;
  return false;
}

Outcome<config::Inspected> read_what_can_be_read(Session& s) {
  auto source = config_source(s);
  if (!source) return source.error();
  source->salvage = true;
  return config::inspect(*source);
}

Failure says_nothing(const Session& s, const config::Inspected& found, const std::string& how) {
  Failure failure = config_failure(s, found.problems);
  failure.error.next += "   or " + how;
  return failure;
}

/// "0.0.0.0:9595" is reached at 127.0.0.1.
std::string url_of(std::string address) {
  for (const auto& [any, loopback] : {std::pair{"0.0.0.0:", "127.0.0.1:"}, {"[::]:", "[::1]:"}})
    if (address.starts_with(any)) address = loopback + address.substr(std::string(any).size());
  return "http://" + address;
}

Outcome<std::string> listener_of(const Session& s, const config::Config& config) {
  const std::string& address = config.http.listen.front();
  if (!address.ends_with(":0")) return url_of(address);
  const std::string url = first_endpoint(config.node.state_dir);
  if (url.empty())
    return Failure(
        unavailable("the control plane of " + s.args.get("config") + " listens on " + address +
                    ", a port that is chosen at its start, and never started")
            .named("unreachable")
            .with_next("skep start -c " + s.args.get("config") + "   or   skep --server URL .."));
  return url_of(url.substr(url.find("://") + 3));
}

Outcome<Target> configured_control_plane(Session& s) {
  const auto found = read_what_can_be_read(s);
  if (!found) return found.error();
  const config::Config& config = found->loaded.config;
  const char* key = config.is_control() ? "http.listen" : "worker.control_plane_url";
  if (is_doubtful(*found, {"node.roles", key}))
    return says_nothing(s, *found, "name the control plane: --server URL");
  const std::string origin = origin_of(s, found->loaded, key);
  if (!config.is_control())
    return Target{config.worker.control_plane_url.front(), origin, config.worker.token_file};
  auto url = listener_of(s, config);
  if (!url) return url.error();
  return Target{std::move(*url), origin, config.http.token_file};
}

Outcome<Target> configured(Session& s, Reach reach) {
  return reach == Reach::kNode ? configured_node(s) : configured_control_plane(s);
}

std::string running_up() {
  const auto record = UpState(kUpFolder).read();
  const bool runs = record && *record && is_alive((*record)->supervisor);
  return runs ? (*record)->url : std::string();
}

}  // namespace

Outcome<Target> configured_node(Session& s) {
  const auto found = read_what_can_be_read(s);
  if (!found) return found.error();
  if (is_doubtful(*found, {"node.state_dir"}))
    return says_nothing(
        s, *found, "name the node: --set node.state_dir=FOLDER, --server unix:FOLDER/node.sock");
  return Target{"unix:" + found->loaded.config.node.state_dir + "/node.sock",
                origin_of(s, found->loaded, "node.state_dir"),
                {}};
}

Outcome<Target> target_of(Session& s, Reach reach) {
  if (s.args.is_typed("server")) return Target{s.args.get("server"), "from --server", {}};
  if (s.args.is_typed("config") || s.args.has("set")) return configured(s, reach);
  if (s.args.has("server")) return Target{s.args.get("server"), "from SKEP_SERVER", {}};
  if (s.args.has("config")) return configured(s, reach);
  if (const std::string url = running_up(); !url.empty())
    return Target{url, std::string("of skep up in ") + kUpFolder, {}};
  if (reach == Reach::kNode) return configured_node(s);
  return Target{kDefaultServer, "the default", {}};
}

}  // namespace skep::cli
