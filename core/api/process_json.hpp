// Documents about the process: GET /health, /livez, /metrics and the errors of all routes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/api/document.hpp"

namespace skep::api {

struct Health {
  struct Check {
    std::string name;
    std::string problem;    ///< "" = it is well
    bool advisory = false;  ///< said, and no reason to be unavailable
  };
  std::string version;
  std::vector<Check> checks;

  bool good() const;
};
std::string encode(const Health& h);
/// "name: what is wrong" of each that is not well.
std::vector<std::string> troubles_of(const std::vector<Health::Check>& checks);
/// GET /livez: it answers, so it lives.
std::string encode_alive();

/// Health, Alive, Metrics, OpenApi.
Documents process_documents();

}  // namespace skep::api
