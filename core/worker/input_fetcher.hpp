// Brings what a task is to read from the control plane to a file.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/worker/artifact_runner.hpp"
#include "core/worker/control_plane.hpp"

namespace skep::worker {

/// Goes on where a cut connection ended it, a few times. [any]
class InputFetcher {
 public:
  /// `connect` makes a conversation for one input; it is called on the slot's thread.
  InputFetcher(std::function<std::unique_ptr<ControlPlane>()> connect, Clock& clock)
      : connect_(std::move(connect)), clock_(clock) {}
  /// See FetchInput.
  Status fetch(const model::Lease& lease, const model::Input& input, const std::string& path,
               MonoMs deadline, ports::CancelToken& cancel) const;

 private:
  const std::function<std::unique_ptr<ControlPlane>()> connect_;
  Clock& clock_;
};

}  // namespace skep::worker
