// The processes of `skep up`: one control plane and a worker a site, started, watched and ended.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/cli/client.hpp"
#include "core/cli/console.hpp"
#include "core/cli/up_state.hpp"
#include "core/proc/subprocess.hpp"

namespace skep::cli {

struct FleetOptions {
  UpPlan plan;
  std::string program;                             ///< path of this binary
  std::map<std::string, std::string> environment;  ///< of the nodes
  Millis start_limit{30'000};                      ///< until every node is ready
  Millis drain_limit{40'000};                      ///< until a node that was asked to has ended
};

/// One thread. The nodes die with the process, and with the Fleet.
class Fleet {
 public:
  Fleet(FleetOptions options, UpState& state, const Console& console, Transport transport);

  /// Starts everything, in order; returns when every worker is online. On failure the nodes that
  /// were started still run: call stop().
  Outcome<std::string> start();
  /// Returns when interrupted (true) or when no node is left (false). A node that ends by itself is
  /// said on `err` with its last log lines, and the others go on: a lost node is worth watching.
  bool watch();
  /// Workers first, so that they can hand in their results. Idempotent.
  void stop();

 private:
  struct Node {
    std::string name;
    proc::Background process;
  };
  Status spawn(const std::string& name, const std::string& toml);
  Outcome<std::string> wait_for_control();
  Outcome<bool> wait_for_workers(Client& api);
  bool is_online(const Node& node, const json::value& workers) const;
  /// A Failure when interrupted, a node has ended, or `until` has passed.
  Outcome<void> still_waiting(std::string_view what, MonoMs until);
  Failure ended(const Node& node, const proc::Exit& exit) const;
  Status record() const;
  void finish(Node& node, Millis grace);

  FleetOptions options_;
  UpState& state_;
  const Console& console_;
  Transport transport_;
  std::vector<Node> nodes_;
  std::string url_;
  bool ready_ = false;
};

/// kUnavailable naming the first of `addresses` ("127.0.0.1:9595") that somebody else listens on.
Status check_free(const std::vector<std::string>& addresses);

}  // namespace skep::cli
