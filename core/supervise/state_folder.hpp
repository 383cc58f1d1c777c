// The folder of one `skep up`: its nodes' TOML files, states and logs, and up.json, which says who
// runs. It knows which files are its own, and touches no others.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/supervise/record.hpp"

namespace skep::supervise {

/// The control plane's name among the nodes of a `skep up`.
inline constexpr const char* kControl = "control";

/// Made when missing and held by one `skep up` at a time.
class StateFolder {
 public:
  explicit StateFolder(std::string folder) : folder_(std::move(folder)) {}
  const std::string& folder() const { return folder_; }
  std::string path(std::string_view name) const;
  std::string log_path(const std::string& node) const { return path(node + ".log"); }
  /// The socket of a node's own API.
  std::string socket_path(const std::string& node) const { return path(node + "/node.sock"); }

  /// kState when another process holds the folder.
  Status lock();
  /// kState for a folder with files in it that no `skep up` has held: neither its record, its mark
  /// in up.lock nor a TOML file of its own is there, or up.json is somebody else's. Ask before
  /// lock(), which leaves its own file there.
  Status check_made_by_up() const;
  /// Removes what earlier runs left, and nothing else: up.json, up.log, last-task, and for each
  /// NODE.toml that `skep up` wrote, that file, NODE.log and the folder NODE. Call it locked.
  Status wipe();
  Status write(const Record& record) const;
  /// The record, or nothing when there is none; kCorrupt for a file that write() did not make.
  /// Another error, as without a free descriptor, says nothing about it.
  Result<std::optional<Record>> read() const;
  /// The record, when one can see that its supervisor runs.
  std::optional<Record> running() const;
  /// Removes the record, when it is one; with `supervisor`, only that process's.
  void forget(pid_t supervisor = 0) const;

  /// NODE.toml with the mark that makes it ours; returns its path.
  Result<std::string> write_toml(const std::string& node, const std::string& text) const;

 private:
  Error already_running() const;
  std::string folder_;
  UniqueFd lock_;
};

}  // namespace skep::supervise
