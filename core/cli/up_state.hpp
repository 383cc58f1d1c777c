// What `skep up` keeps in its state folder: the nodes' TOML files, and up.json, which says who
// runs.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/proc/subprocess.hpp"

namespace skep::cli {

struct UpPlan {
  std::string state;  ///< absolute path of the state folder
  std::vector<std::string> sites;
  std::vector<std::string> listen;  ///< of the control plane, "127.0.0.1:9595"
};

/// A process by number and start time, so that a reused number is never taken for it.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t started = 0;  ///< clock ticks since boot, from /proc/PID/stat
};
/// The process with this number now; nothing when there is none.
std::optional<ProcessId> identify(pid_t pid);
/// Whether exactly this process runs (a zombie does not).
bool is_alive(const ProcessId& id);
/// SIGTERM, then SIGKILL after `grace`; true when it ended by itself. Signals by pidfd.
Result<bool> end_process(const ProcessId& id, Millis grace);

struct UpRecord {
  ProcessId supervisor;
  std::string url;     ///< "" until the control plane answers
  bool ready = false;  ///< all workers are online
  std::vector<std::pair<std::string, ProcessId>> nodes;
};

/// The first URL that the control plane of this state folder said it listens on; "" = none.
std::string first_endpoint(const std::string& state_dir);

/// The state folder, made when missing and held by one `skep up` at a time.
class UpState {
 public:
  explicit UpState(std::string folder) : folder_(std::move(folder)) {}
  const std::string& folder() const { return folder_; }
  std::string path(std::string_view name) const;

  /// kState when another process holds the folder.
  Status lock();
  /// kState for a folder with files in it that no `skep up` has held: neither its record, its mark
  /// in up.lock nor a TOML file of its own is there, or up.json is somebody else's. Ask before
  /// lock(), which leaves its own file there.
  Status check_made_by_up() const;
  /// Removes what earlier runs left, and nothing else: up.json, up.log, and for each NODE.toml that
  /// `skep up` wrote, that file, NODE.log and the folder NODE. Call it locked.
  Status wipe();
  Status write(const UpRecord& record) const;
  /// The record, or nothing when there is none; kCorrupt for a file that write() did not make.
  Result<std::optional<UpRecord>> read() const;
  /// Removes the record, when it is one; with `supervisor`, only that process's.
  void forget(pid_t supervisor = 0) const;

  Result<std::string> write_control_toml(const UpPlan& plan) const;
  /// The sites share the folders plugins and scripts of the state folder, which are where commands
  /// without a configuration put files.
  Result<std::string> write_site_toml(const std::string& site, const std::string& control_url,
                                      bool docker) const;
  std::string control_url() const { return first_endpoint(path("control")); }
  std::string log_path(const std::string& node) const { return path(node + ".log"); }
  /// The last `count` lines of a node's log.
  std::string log_tail(const std::string& node, std::size_t count) const;

 private:
  Error already_running() const;
  Result<std::string> write_toml(const std::string& node, const std::string& text) const;
  std::string folder_;
  UniqueFd lock_;
};

std::string worker_id_of(const std::string& site);
/// state.log_tail() as lines that are safe to print.
std::vector<std::string> last_lines(const UpState& state, const std::string& node,
                                    std::size_t count);

}  // namespace skep::cli
