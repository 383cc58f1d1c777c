// The bodies of frames::Type::kRun and kDone, for both ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/plugin/adapters/task_call.hpp"

namespace skep::plugin {

struct RunFrame {
  MonoMs deadline = 0;
  std::string_view owner;      ///< whose kv space: the plugin's id or "script:NAME"
  std::string_view script_id;  ///< "" = not a script
  std::string_view request;
  std::string_view folder{};  ///< see ports::RunRequest
  std::uint64_t artifact_bytes = 0;
};
std::string pack_run(const RunFrame& run);
std::optional<RunFrame> unpack_run(std::string_view body);

struct DoneFrame {
  TaskCall::Said said;
  std::string threw;              ///< what() of an exception that left run(); "" = none
  std::int64_t threads_left = 0;  ///< that run() started and did not end
};
std::string pack_done(const DoneFrame& done);
std::optional<DoneFrame> unpack_done(std::string_view body);

}  // namespace skep::plugin
