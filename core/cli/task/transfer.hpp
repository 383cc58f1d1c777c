// Bytes between files of this machine and the control plane, going on where a cut ended them.
#pragma once

#include <string>

#include "core/cli/base/invocation.hpp"

namespace skep::cli {

/// Brings a regular file there, so that a task can read it: {"artifact": sha256, "size": n}.
Expected<json::value> upload(Invocation& call, const std::string& path);

struct Download {
  std::string path;    ///< of the API
  std::string sha256;  ///< what must come
  std::int64_t size = 0;
  std::string file;  ///< where it goes; "-" is standard output
};
/// A file is whole or not there: what has come of it is kept beside it, hidden, for the next try.
Expected<bool> download(Invocation& call, Client& api, const Download& what);

}  // namespace skep::cli
