// The configuration of one node, as plain values. Filled by load.cpp from the table of keys
// (keys.hpp), which is also the source of docs/reference/config.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/control/events/config.hpp"
#include "core/control/tasks/config.hpp"
#include "core/control/workers/config.hpp"

namespace skep::config {

/// A section of a component, such as [queue]: which plugin serves it, and the rest of its table for
/// it.
struct ComponentTable {
  std::string plugin;
  std::string table = "{}";  ///< JSON object without "plugin"
};

struct Config {
  struct Node {
    std::string id;  ///< "" = worker-<random>, kept in state_dir/node-id
    std::string site = "default";
    std::vector<std::string> roles{"control", "worker"};
    std::string state_dir = "./.skep";
    bool watch_config = true;  ///< a changed file is read again by itself
  } node;

  struct Http {
    std::vector<std::string> listen{"127.0.0.1:9595", "127.0.0.1:8000"};
    std::string token_file;        ///< the operator's; one of the two when not only on loopback
    std::string join_token_file;   ///< for machines that become workers
    bool trust_local_uid = true;   ///< root and the node's user need no token on loopback
    bool open_probes = false;      ///< /livez, /readyz and /health answer everybody
    int threads = 16;              ///< they mostly wait for the disk: their writes share a sync
    int max_connections = 16'384;  ///< as far as open files allow
    int max_per_address = 512;     ///< without requests that wait
    int body_memory_mb = 256;      ///< bodies of requests, of all at one time
  } http;

  // [control], each part beside the feature that it steers.
  control::TaskConfig tasks;
  control::PresenceConfig presence;
  control::EventConfig events;

  struct Worker {
    std::vector<std::string> control_plane_url{"http://localhost:8000"};
    std::string token_file;       ///< of commands; joins when there is no other
    std::string join_token_file;  ///< shown once, for a credential of its own
    double poll_interval_seconds = 5.0;
    double heartbeat_interval_seconds = 30.0;
    int concurrency = 4;
    int batch_size = 8;
    double drain_seconds = 30;     ///< SIGTERM: running tasks get so long
    double result_reserve_mb = 1;  ///< spool space set aside per claimed task
    std::map<std::string, bool> capabilities;
  } worker;

  struct Log {
    std::string format = "text";
    std::string level = "info";
  } log;

  ComponentTable queue{"sqlite", "{}"};
  ComponentTable store{"sqlite", "{}"};
  ComponentTable heartbeat{"http", "{}"};
  ComponentTable spool{"file", R"({"dir":"./offline"})"};

  struct Plugins {
    std::vector<std::string> paths;             ///< empty = the folder beside the binary
    double drain_seconds = 3600;                ///< tasks go on so long on a replaced version
    std::map<std::string, std::string> tables;  ///< [plugins.NAME] as JSON objects
  } plugins;

  struct Scripts {
    std::vector<std::string> paths;  ///< empty = STATE_DIR/scripts and the folder of the program
    std::vector<std::string> allow{"facts", "kv"};  ///< permissions that every script gets
    std::map<std::string, std::string> tables;      ///< [scripts.NAME] as JSON objects
  } scripts;

  /// [secrets.NAME] as JSON objects; "file" is an absolute path.
  std::map<std::string, std::string> secrets;

  struct Trust {
    std::string policy = "none";  ///< none, pin, signature or both
    std::string lock_file;        ///< load() makes "" plugins.lock beside the TOML file
    /// Minisign public keys by what they may sign: "com.acme." and all below, "ID" alone, "*" rest.
    std::map<std::string, std::vector<std::string>> keys;
  } trust;

  bool is_control() const;  ///< roles has "control"
  bool is_worker() const;   ///< roles has "worker"
};

}  // namespace skep::config
