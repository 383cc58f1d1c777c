#include "core/config/config.hpp"

#include <algorithm>

namespace skep::config {

bool Config::is_control() const {
  return std::find(node.roles.begin(), node.roles.end(), "control") != node.roles.end();
}

bool Config::is_worker() const {
  return std::find(node.roles.begin(), node.roles.end(), "worker") != node.roles.end();
}

}  // namespace skep::config
