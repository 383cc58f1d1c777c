// An envelope on its way home.
#pragma once

#include <string>

#include "core/model/task.hpp"

namespace skep::worker {

struct PendingEnvelope {
  std::string name;  ///< in the spool, "" = the spool refused it
  std::string payload_type;
  std::string task_id;
  std::string key;     ///< what the acknowledgement must echo
  std::string body;    ///< the encoded envelope
  model::Lease lease;  ///< empty after a replay
  bool is_result() const { return payload_type == "execution_result"; }
};

/// What every envelope of a worker says of its sender.
struct Identity {
  std::string worker_id;
  std::string incarnation;
  std::string site;
};

}  // namespace skep::worker
