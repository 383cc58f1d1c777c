#include "result.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace skep::script {
namespace {

/// 300 s, 1.5 s
std::string seconds(std::int64_t ms) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.10g s", static_cast<double>(ms) / 1000);
  return buffer;
}

std::string out_of_time(const Request& request, const skep_process_exit& exit) {
  if (exit.duration_ms >= request.timeout_ms)
    return "script ran longer than " + seconds(request.timeout_ms);
  return "script was ended by the task's deadline after " + seconds(exit.duration_ms);
}

Fault exited(const Request& request, int code) {
  const auto& retry = request.retry_on_exit;
  const bool again = std::find(retry.begin(), retry.end(), code) != retry.end();
  return {again ? SKEP_E_BUSY : SKEP_E_INVALID, "script exited with code " + std::to_string(code)};
}

}  // namespace

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

Json result_document(const Request& request, const skep_process_exit& exit, const Capture& out,
                     const Capture& err) {
  Json json;
  json.set("exit_code", exit.reason == SKEP_EXIT_EXITED ? Json(exit.exit_code) : Json());
  json.set("signal", exit.signal != 0 ? Json(signal_name(exit.signal)) : Json());
  json.set("stdout", out.text()).set("stderr", err.text());
  json.set("truncated", out.truncated() || err.truncated());
  json.set("stdout_bytes", out.total()).set("stderr_bytes", err.total());
  json.set("duration_ms", exit.duration_ms).set("cpu_ms", exit.cpu_ms);
  json.set("max_rss_bytes", exit.max_rss_bytes > 0 ? Json(exit.max_rss_bytes) : Json());
  json.set("interpreter", request.interpreter);
  return json;
}

std::optional<Fault> verdict(const Request& request, const skep_process_exit& exit) {
  switch (exit.reason) {
    case SKEP_EXIT_EXITED:
      if (exit.exit_code == 0) return std::nullopt;
      return exited(request, exit.exit_code);
    case SKEP_EXIT_TIMEOUT:
      return Fault(SKEP_E_DEADLINE, out_of_time(request, exit));
    case SKEP_EXIT_CANCELLED:
      return Fault(SKEP_E_CANCELLED, "script was cancelled");
    default:
      return Fault(SKEP_E_INVALID, "script was ended by " + signal_name(exit.signal));
  }
}

}  // namespace skep::script
