// The codes of the 409s that refuse this process of a worker; any other is about something else,
// or tells of another process: see kWorkerIdConflict.
#pragma once

#include <string_view>

namespace skep::api {

inline constexpr std::string_view kProtocolMismatch = "protocol-mismatch";
inline constexpr std::string_view kNewerProcess = "newer-process";
inline constexpr std::string_view kWorkerThere = "worker-there";

inline bool refuses_worker(std::string_view code) {
  return code == kProtocolMismatch || code == kNewerProcess || code == kWorkerThere;
}

}  // namespace skep::api
