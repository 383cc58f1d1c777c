// The nodes of `skep up`: one control plane and a worker a site, brought up in order and watched.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/cli/base/client.hpp"
#include "core/cli/base/console.hpp"
#include "core/cli/up/node_files.hpp"
#include "core/supervise/nodes.hpp"

namespace skep::cli {

struct UpOptions {
  UpPlan plan;
  std::string program;                             ///< path of this binary
  std::map<std::string, std::string> environment;  ///< of the nodes
  Millis start_limit{30'000};                      ///< until every node is ready
  Millis drain_limit{40'000};                      ///< until a worker that was asked to has ended
};

/// One thread. The nodes die with the process, and with the UpNodes.
class UpNodes {
 public:
  UpNodes(UpOptions options, supervise::StateFolder& state, const Console& console,
          Transport transport);

  /// Starts everything, in order; returns the control plane's URL when every worker is online. On
  /// failure the nodes that were started still run: call stop().
  Expected<std::string> start();
  /// Returns when interrupted (true) or when no node is left (false). A node that ends by itself is
  /// said on `err` with its last log lines, and the others go on: a lost node is worth watching.
  bool watch();
  /// Workers first, so that they can hand in their results. Idempotent.
  void stop();

 private:
  Status spawn(const std::string& name, const std::string& toml);
  Expected<std::string> wait_for_control();
  Expected<bool> wait_for_workers(Client& api);
  bool is_online(const std::string& site, const json::value& workers) const;
  /// A Failure when interrupted, a node has ended, or `until` has passed.
  Expected<void> still_waiting(std::string_view what, MonoMs until);
  Failure ended(const supervise::EndedNode& node) const;
  Status record() const;
  void stop(const std::vector<std::string>& names, Millis grace);

  UpOptions options_;
  supervise::StateFolder& state_;
  const Console& console_;
  Transport transport_;
  supervise::Nodes nodes_;
  std::string url_;
  bool ready_ = false;
};

/// Safe to print.
std::vector<std::string> log_lines(const supervise::StateFolder& state, const std::string& node,
                                   std::size_t count);

}  // namespace skep::cli
