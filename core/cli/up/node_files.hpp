// The TOML files of the nodes of `skep up`.
#pragma once

#include <string>
#include <vector>

#include "core/supervise/state_folder.hpp"

namespace skep::cli {

struct UpPlan {
  std::string state;  ///< absolute path of the state folder
  std::vector<std::string> sites;
  std::vector<std::string> listen;  ///< of the control plane, "127.0.0.1:9595"
};

using supervise::kControl;

std::string worker_id_of(const std::string& site);
/// What the sites do when they are asked to end, and for how long.
std::string stopping_words();

/// Each writes one file and returns its path.
Result<std::string> write_control_toml(const supervise::StateFolder& state, const UpPlan& plan);
/// The sites share the folders plugins and scripts of the state folder, which are where commands
/// without a configuration put files.
Result<std::string> write_site_toml(const supervise::StateFolder& state, const std::string& site,
                                    const std::string& control_url, bool docker);

}  // namespace skep::cli
