// The feature "overview": figures of queue and workers in one answer, for people and runbooks.
#pragma once

#include "core/control/feature.hpp"
#include "core/control/tasks/tasks.hpp"

namespace skep::control {

class Overview final : public Feature {
 public:
  Overview(Platform& p, Workers& w) : platform(p), workers(w) {}
  std::vector<net::Route> routes() override;

  Platform& platform;
  Workers& workers;
};

}  // namespace skep::control
