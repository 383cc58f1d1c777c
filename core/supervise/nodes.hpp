// Child nodes of this process: started, watched and ended.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/proc/subprocess.hpp"
#include "core/supervise/process_id.hpp"

namespace skep::supervise {

struct NodeSpec {
  std::string name;               ///< unique among the nodes
  std::vector<std::string> argv;  ///< "skep", "start", "-c", "site-a.toml"
  std::vector<std::string> env;   ///< "KEY=value": exactly the node's environment
  std::string log_path;           ///< gets its stdout and stderr (append)
};

struct EndedNode {
  std::string name;
  proc::Exit exit;
};
/// "exited with code 78", "was ended by signal 9 (KILL)"
std::string exit_words(const proc::Exit& exit);

/// One thread. The nodes die with the process, and with the Nodes.
class Nodes {
 public:
  /// Errors as of proc::Background::spawn().
  Status start(const NodeSpec& spec);
  /// One that ended by itself, and from now on is none of the nodes; nothing when that does not
  /// happen within `limit`. Nobody starts it again: what a lost node means is for the caller.
  std::optional<EndedNode> wait(Millis limit);
  /// SIGTERM to all of `names` at once. Returns when they have ended; those that have not after
  /// `grace` are killed, and named in the answer. Names of no node are nothing.
  std::vector<std::string> stop(const std::vector<std::string>& names, Millis grace);

  bool empty() const { return nodes_.empty(); }
  std::vector<std::string> names() const;  ///< in the order of their start
  /// 0 when there is no such node.
  pid_t pid_of(const std::string& name) const;
  Result<std::vector<std::pair<std::string, ProcessId>>> processes() const;

 private:
  struct Node {
    std::string name;
    proc::Background process;
  };
  std::vector<Node> nodes_;
};

}  // namespace skep::supervise
