// An envelope on its way home.
#pragma once

#include <string>
#include <vector>

#include "core/model/task.hpp"

namespace skep::worker {

struct PendingEnvelope {
  std::string name;  ///< in the spool, "" = the spool refused it
  std::string payload_type;
  std::string task_id;
  std::string key;                           ///< what the acknowledgement must echo
  std::string body;                          ///< the encoded envelope
  model::Lease lease;                        ///< empty after a replay
  std::vector<model::Artifact> artifacts{};  ///< have to be home before it goes
  /// What it is called in lists: its name, or its key when no spool holds it.
  const std::string& label() const { return name.empty() ? key : name; }
  bool is_result() const { return payload_type == "execution_result"; }
};

/// What every envelope of a worker says of its sender.
struct Identity {
  std::string worker_id;
  std::string incarnation;
  std::string site;
};

}  // namespace skep::worker
