#include "core/config/keys.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "core/base/json.hpp"

namespace skep::config {
namespace {

/// A table of rows is easier to read than its line breaks.
// clang-format off
std::span<const Key> first_keys() {
  static const std::vector<Key> rows{
    {.section = "node", .name = "id", .field = SKEP_CONFIG_AT(node.id),
     .doc = "Identity of this node among all workers; empty: `worker-<random>`, made once and kept "
            "in `state_dir/node-id`.",
     .format = Format::kId, .aliases = {"WORKER_ID"}},
    {.section = "node", .name = "site", .field = SKEP_CONFIG_AT(node.site),
     .doc = "Site the node stands on; a task with a site runs only there.",
     .format = Format::kId, .required = true, .aliases = {"WORKER_SITE", "WORKER_SITE_NAME"}},
    {.section = "node", .name = "roles", .field = SKEP_CONFIG_AT(node.roles),
     .doc = "What the node is: `control`, `worker` or both. Not given, a node with a `control_plane_url` "
            "is a worker.",
     .format = Format::kRole, .required = true},
    {.section = "node", .name = "state_dir", .field = SKEP_CONFIG_AT(node.state_dir),
     .doc = "Folder of everything the node keeps between starts.",
     .format = Format::kPath, .required = true},
    {.section = "node", .name = "watch_config", .field = SKEP_CONFIG_AT(node.watch_config), .live = true,
     .doc = "Take a changed configuration file by itself; SIGHUP and `skep node reload` work either "
            "way."},

    {.section = "http", .name = "listen", .field = SKEP_CONFIG_AT(http.listen),
     .doc = "Addresses that a control plane serves, `host:port`; port 0 takes a free one.",
     .format = Format::kListen, .required = true},
    {.section = "http", .name = "token_file", .field = SKEP_CONFIG_AT(http.token_file),
     .doc = "File with the token of operators. An address that is not loopback needs this or "
            "`join_token_file`.",
     .format = Format::kPath},
    {.section = "http", .name = "join_token_file", .field = SKEP_CONFIG_AT(http.join_token_file),
     .doc = "File with the token that makes a machine a worker, and is good for nothing else.",
     .format = Format::kPath},
    {.section = "http", .name = "trust_local_uid", .field = SKEP_CONFIG_AT(http.trust_local_uid),
     .doc = "On loopback, requests of root and of the node's own user need no token. `false` where "
            "something passes on the requests of others as one of them "
            "([security](../security.md))."},
    {.section = "http", .name = "open_probes", .field = SKEP_CONFIG_AT(http.open_probes),
     .doc = "`/livez`, `/readyz` and `/health` answer everybody, for the probes of an orchestrator or "
            "load balancer. Else they need a caller that is known, like every other route."},
    {.section = "http", .name = "threads", .field = SKEP_CONFIG_AT(http.threads),
     .doc = "Threads that answer requests.", .min = 1, .max = 256},
    {.section = "http", .name = "max_connections", .field = SKEP_CONFIG_AT(http.max_connections),
     .doc = "Open connections at one time, as far as the limit of open files allows; seven eighths of "
            "them may wait for news. More are refused.",
     .min = 1, .max = 1'000'000},
    {.section = "http", .name = "max_per_address", .field = SKEP_CONFIG_AT(http.max_per_address),
     .doc = "Open connections of one address, without those that wait for news: behind a proxy all "
            "have one address.",
     .min = 1, .max = 1'000'000},
    {.section = "http", .name = "body_memory_mb", .field = SKEP_CONFIG_AT(http.body_memory_mb),
     .doc = "MiB that the bodies of requests may take at one time; one that finds no place is answered "
            "503. Those over 1 MiB leave a quarter of it to smaller ones.",
     .min = 128, .max = 1'000'000},

  };
  return rows;
}

std::span<const Key> last_keys() {
  static const std::vector<Key> rows{
    {.section = "worker", .name = "control_plane_url", .field = SKEP_CONFIG_AT(worker.control_plane_url),
     .doc = "Control plane to work for; a list when there are several. Not given, a node with both "
            "roles works for itself.",
     .format = Format::kUrl, .required = true, .aliases = {"WORKER_CONTROL_PLANE_URL"}},
    {.section = "worker", .name = "token_file", .field = SKEP_CONFIG_AT(worker.token_file),
     .doc = "File with the operator's token, for commands with `-c`; the worker joins with it when "
            "there is no `join_token_file`.",
     .format = Format::kPath},
    {.section = "worker", .name = "join_token_file", .field = SKEP_CONFIG_AT(worker.join_token_file),
     .doc = "File with the control plane's join token. The worker shows it until it has a credential "
            "of its own, kept in `state_dir`.",
     .format = Format::kPath},
    {.section = "worker", .name = "poll_interval_seconds", .field = SKEP_CONFIG_AT(worker.poll_interval_seconds),
     .live = true, .doc = "Pause between claims that found nothing; a fallback, for claims wait for work.",
     .unit = "seconds", .min = 0.01, .max = 3600,
     .aliases = {"WORKER_POLL_INTERVAL_SECONDS", "WORKER_POLL_INTERVAL"}},
    {.section = "worker", .name = "heartbeat_interval_seconds",
     .field = SKEP_CONFIG_AT(worker.heartbeat_interval_seconds), .live = true,
     .doc = "Pause between heartbeats, which renew the leases of running tasks.", .unit = "seconds",
     .min = 0.05, .max = 3600, .aliases = {"WORKER_HEARTBEAT_INTERVAL_SECONDS"}},
    {.section = "worker", .name = "concurrency", .field = SKEP_CONFIG_AT(worker.concurrency), .live = true,
     .doc = "Tasks that run at one time.", .min = 1, .max = 1024, .aliases = {"WORKER_CONCURRENCY"}},
    {.section = "worker", .name = "batch_size", .field = SKEP_CONFIG_AT(worker.batch_size), .live = true,
     .doc = "Most tasks taken by one claim.", .min = 1, .max = 1024,
     .aliases = {"WORKER_BATCH_SIZE"}},
    {.section = "worker", .name = "drain_seconds", .field = SKEP_CONFIG_AT(worker.drain_seconds), .live = true,
     .doc = "After SIGTERM running tasks get so long to end.", .unit = "seconds",
     .min = 0, .max = kDay},
    {.section = "worker", .name = "result_reserve_mb", .field = SKEP_CONFIG_AT(worker.result_reserve_mb),
     .live = true, .doc = "Spool space set aside for each claimed task.", .unit = "MB",
     .min = 0.001, .max = 1024},
    {.section = "worker", .name = "task_artifacts_mb", .field = SKEP_CONFIG_AT(worker.task_artifacts_mb),
     .live = true, .doc = "What one task may leave in [artifacts](../artifacts.md).", .unit = "MB",
     .min = 0, .max = 1e9},
    {.section = "worker", .name = "artifacts_mb", .field = SKEP_CONFIG_AT(worker.artifacts_mb),
     .live = true, .doc = "Artifacts that may wait in `state_dir` to be sent; beyond that no task is claimed.",
     .unit = "MB", .min = 0, .max = 1e9},
    {.section = "worker", .name = "capabilities", .field = SKEP_CONFIG_AT(worker.capabilities), .live = true,
     .doc = "What the worker can do; a task that requires one runs only where it is true. The "
            "runbooks use docker, gpu, network_access and privileged.",
     .format = Format::kId, .aliases = {"WORKER_CAPABILITIES"}},

    {.section = "log", .name = "format", .field = SKEP_CONFIG_AT(log.format), .live = true,
     .doc = "`text` or `json`, one line an event on stderr.", .format = Format::kLogFormat},
    {.section = "log", .name = "level", .field = SKEP_CONFIG_AT(log.level), .live = true,
     .doc = "Least level written: `debug`, `info`, `warn` or `error`.", .format = Format::kLogLevel},

    {.section = "queue", .name = "plugin", .field = SKEP_CONFIG_AT(queue.plugin),
     .doc = "Plugin that keeps the task queue.", .format = Format::kId, .required = true},
    {.section = "store", .name = "plugin", .field = SKEP_CONFIG_AT(store.plugin),
     .doc = "Plugin that keeps everything else of a control plane.",
     .format = Format::kId, .required = true},
    {.section = "heartbeat", .name = "plugin", .field = SKEP_CONFIG_AT(heartbeat.plugin),
     .doc = "Plugin that carries heartbeats.", .format = Format::kId, .required = true},
    {.section = "spool", .name = "plugin", .field = SKEP_CONFIG_AT(spool.plugin),
     .doc = "Plugin that keeps results until the control plane has them.",
     .format = Format::kId, .required = true},
    {.section = "spool", .name = "dir",
     .field = [](Config& c) { return std::pair(&c.spool, std::string_view("dir")); },
     .doc = "Folder of the spool; must survive a restart of the container.",
     .format = Format::kPath, .required = true, .aliases = {"WORKER_OFFLINE_DIR"}},

    {.section = "plugins", .name = "paths", .field = SKEP_CONFIG_AT(plugins.paths),
     .doc = "Folders with plugins; empty: the folder beside the program.", .format = Format::kPath},
    {.section = "plugins", .name = "drain_seconds", .field = SKEP_CONFIG_AT(plugins.drain_seconds), .live = true,
     .doc = "Tasks that are under way when their plugin is replaced go on with the old version for so "
            "long; then they are stopped and tried again with the new one.",
     .unit = "seconds", .min = 0, .max = 30 * kDay},
    {.section = "scripts", .name = "paths", .field = SKEP_CONFIG_AT(scripts.paths),
     .doc = "Folders with Lua tasks, watched; of two files with one name the first counts. Empty: "
            "`state_dir/scripts`, then the folder of the program.", .format = Format::kPath},
    {.section = "scripts", .name = "allow", .field = SKEP_CONFIG_AT(scripts.allow),
     .doc = "Permissions that every script gets: `exec`, `facts`, `http`, `kv`, `secrets`, `task`.",
     .format = Format::kId},

    {.section = "trust", .name = "policy", .field = SKEP_CONFIG_AT(trust.policy), .live = true,
     .doc = "What a plugin or script must show before it is loaded: `none`, `pin` (its SHA-256 in the "
            "lock file), `signature` (of a key in `keys`) or `both`. Live when it becomes stricter; "
            "looser needs a restart.",
     .format = Format::kTrustPolicy, .required = true},
    {.section = "trust", .name = "lock_file", .field = SKEP_CONFIG_AT(trust.lock_file),
     .doc = "The pins, written by `skep plugin lock`; empty: `plugins.lock` beside the TOML file.",
     .format = Format::kPath},
    {.section = "trust", .name = "keys", .field = SKEP_CONFIG_AT(trust.keys), .live = true,
     .doc = "Minisign public keys by the ids that they may sign: `\"com.acme.\"` for all ids that "
            "start so, `\"disk\"` for that id, `\"*\"` for every other id; the longest match counts "
            "alone. Live when fewer keys are trusted; more need a restart."},
  };
  return rows;
}
// clang-format on

/// In the order of the reference. What belongs to a feature of the control role stands beside it.
const std::vector<Key>& table() {
  static const auto* rows = [] {
    auto* out = new std::vector<Key>;
    for (const auto part : {first_keys(), control::task_keys(), control::presence_keys(),
                            control::event_keys(), control::artifact_keys(), last_keys()})
      out->insert(out->end(), part.begin(), part.end());
    return out;
  }();
  return *rows;
}

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::map<std::string, bool> bools(const json::value& value) {
  std::map<std::string, bool> out;
  for (const auto& [name, flag] : value.get_object()) out[name] = flag.get_bool();
  return out;
}

std::vector<std::string> texts(const json::value& value) {
  std::vector<std::string> out;
  for (const json::value& item : value.get_array()) out.emplace_back(item.get_string());
  return out;
}

std::map<std::string, std::vector<std::string>> lists(const json::value& value) {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& [name, items] : value.get_object()) out[name] = texts(items);
  return out;
}

json::object component_table(const ComponentTable& at) {
  return std::move(parse_json(at.table).value().get_object());
}

json::value component_member(const std::pair<ComponentTable*, std::string_view>& at) {
  const json::object table = component_table(*at.first);
  const json::value* member = table.if_contains(at.second);
  return member == nullptr ? json::value(nullptr) : *member;
}

void set_component_member(const std::pair<ComponentTable*, std::string_view>& at,
                          const json::value& value) {
  json::object table = component_table(*at.first);
  table[at.second] = value;
  at.first->table = to_text(table);
}

}  // namespace

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::string environment_name(std::string_view section, std::string_view name) {
  return "SKEP_" + upper(section) + "_" + upper(name);
}

std::string Key::environment() const { return environment_name(section, name); }

std::span<const Key> keys() { return table(); }

const Key* find_key(std::string_view section, std::string_view name) {
  for (const Key& key : table())
    if (key.section == section && key.name == name) return &key;
  return nullptr;
}

std::span<const ComponentSection> component_sections() {
  static constexpr std::array kSections{
      ComponentSection{"queue", &Config::queue}, ComponentSection{"store", &Config::store},
      ComponentSection{"heartbeat", &Config::heartbeat}, ComponentSection{"spool", &Config::spool}};
  return kSections;
}

const ComponentSection* find_component_section(std::string_view section) {
  for (const ComponentSection& at : component_sections())
    if (at.name == section) return &at;
  return nullptr;
}

const std::vector<std::string>& section_names() {
  static const auto* names = [] {
    auto* out = new std::vector<std::string>;
    for (const Key& key : table())
      if (out->empty() || out->back() != key.section) out->emplace_back(key.section);
    out->emplace_back("secrets");  // has no keys of its own
    return out;
  }();
  return *names;
}

std::vector<std::string> key_names(std::string_view section) {
  std::vector<std::string> out;
  for (const Key& key : table())
    if (key.section == section) out.emplace_back(key.name);
  return out;
}

json::value get(const Config& config, const Key& key) {
  Config& c = const_cast<Config&>(config);  // the accessors below only read
  return std::visit(
      Overloaded{
          [&](std::string* (*at)(Config&)) { return json::value(*at(c)); },
          [&](bool* (*at)(Config&)) { return json::value(*at(c)); },
          [&](int* (*at)(Config&)) { return json::value(*at(c)); },
          [&](double* (*at)(Config&)) { return json::value(*at(c)); },
          [&](std::vector<std::string>* (*at)(Config&)) { return json::value_from(*at(c)); },
          [&](std::map<std::string, bool>* (*at)(Config&)) { return json::value_from(*at(c)); },
          [&](std::map<std::string, std::vector<std::string>>* (*at)(Config&)) {
            return json::value_from(*at(c));
          },
          [&](std::pair<ComponentTable*, std::string_view> (*at)(Config&)) {
            return component_member(at(c));
          },
      },
      key.field);
}

void set(Config& c, const Key& key, const json::value& value) {
  std::visit(Overloaded{
                 [&](std::string* (*at)(Config&)) { *at(c) = std::string(value.get_string()); },
                 [&](bool* (*at)(Config&)) { *at(c) = value.get_bool(); },
                 [&](int* (*at)(Config&)) { *at(c) = value.to_number<int>(); },
                 [&](double* (*at)(Config&)) { *at(c) = value.to_number<double>(); },
                 [&](std::vector<std::string>* (*at)(Config&)) { *at(c) = texts(value); },
                 [&](std::map<std::string, bool>* (*at)(Config&)) { *at(c) = bools(value); },
                 [&](std::map<std::string, std::vector<std::string>>* (*at)(Config&)) {
                   *at(c) = lists(value);
                 },
                 [&](std::pair<ComponentTable*, std::string_view> (*at)(Config&)) {
                   set_component_member(at(c), value);
                 },
             },
             key.field);
}

}  // namespace skep::config
