#include "core/trust/gate.hpp"

namespace skep::trust {

Gate::Gate(Settings settings) : settings_(std::make_shared<const Settings>(std::move(settings))) {}

std::shared_ptr<const Settings> Gate::settings() const {
  const MutexLock lock(mutex_);
  return settings_;
}

Status Gate::admit(const Candidate& candidate) const {
  return trust::admit(*settings(), candidate);
}

Status Gate::tighten(Settings settings) {
  const MutexLock lock(mutex_);
  if (const std::string why = looser_by(*settings_, settings); !why.empty())
    return Error{Code::kState, "[trust] is looser than before: " + why, "trust-looser",
                 "restart the node to loosen [trust]"};
  settings_ = std::make_shared<const Settings>(std::move(settings));
  return Status();
}

}  // namespace skep::trust
