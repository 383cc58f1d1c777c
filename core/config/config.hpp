// The configuration of one node, as plain values. Filled by load.cpp from the key table (keys.cpp),
// which is also the source of docs/reference/config.md.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace skep::config {

/// A component slot such as [queue]: which plugin serves it, and the rest of its table for it.
struct Slot {
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
    std::string token_file;  ///< required when an address is not loopback
    int threads = 4;
    int max_connections = 1024;
  } http;

  struct Control {
    double lease_seconds = 90;
    double lost_after_seconds = 300;  ///< from the end of the lease to giving the worker up
    double reaper_interval_seconds = 5;
    double restart_grace_seconds = 300;  ///< after a start nothing is given up for so long
    double retry_base_seconds = 5;
    double retry_cap_seconds = 900;
    double retention_days = 90;  ///< ended tasks are kept so long; 0 = for ever
    int max_attempts = 5;        ///< default of a task
    int max_crashes = 3;
    double offline_after_seconds = 90;  ///< a worker without beats is offline
    double stale_after_seconds = 300;
    /// Patterns of the kinds of events that are kept.
    std::vector<std::string> events{"*", "!task.succeeded"};
    int max_events = 1'000'000;
  } control;

  struct Worker {
    std::vector<std::string> control_plane_url{"http://localhost:8000"};
    std::string token_file;
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

  Slot queue{"sqlite", "{}"};
  Slot store{"sqlite", "{}"};
  Slot heartbeat{"http", "{}"};
  Slot spool{"file", R"({"dir":"./offline"})"};

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
