#include "result.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

namespace skep::script {
namespace {

/// The host refuses a result of more than 4 MiB; output is all of it that may be large.
constexpr std::size_t kMaxEncodedOutput = 3u << 20;

struct Output {
  std::string out;
  std::string err;
  bool shortened = false;
};

/// Both streams, together no larger than a result can be. A stream gives way only as far as it has
/// more than its half.
Output bounded(const Capture& out, const Capture& err) {
  constexpr std::size_t kHalf = kMaxEncodedOutput / 2;
  Output both{out.text(), err.text()};
  const std::size_t out_size = encoded_size(both.out);
  const std::size_t err_size = encoded_size(both.err);
  if (out_size + err_size <= kMaxEncodedOutput) return both;
  both.shortened = true;
  both.out = out.text(kMaxEncodedOutput - std::min(err_size, kHalf));
  both.err = err.text(kMaxEncodedOutput - std::min(out_size, kHalf));
  return both;
}

/// What is larger and no text belongs into an artifact.
constexpr std::size_t kLargestBytes = 256u << 10;

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size()))) {
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i)
      three = three << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i)
      out += i <= bytes.size() ? kDigits[three >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

/// As JSON it is the same again.
bool is_text(const std::string& bytes) { return Json::parse(Json(bytes).dump()).str() == bytes; }

/// The stream as it was, where it is whole, small and no UTF-8.
void set_bytes(Json& json, const char* key, const Capture* stream) {
  if (stream == nullptr || stream->truncated() || stream->total() > kLargestBytes) return;
  if (const std::string bytes = stream->text(); !is_text(bytes)) json.set(key, base64(bytes));
}

/// 300 s, 1.5 s
std::string seconds(std::int64_t ms) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.10g s", static_cast<double>(ms) / 1000);
  return buffer;
}

std::string out_of_task_time(const Request& request, const skep_process_exit& exit) {
  if (request.task_timeout_ms > 0)
    return "script ran longer than the task's timeout of " + seconds(request.task_timeout_ms);
  return "script was ended by the task's deadline after " + seconds(exit.duration_ms);
}

std::string out_of_time(const Request& request, const skep_process_exit& exit) {
  if (exit.duration_ms >= request.timeout_ms)
    return "script ran longer than " + seconds(request.timeout_ms);
  return out_of_task_time(request, exit);
}

Fault exited(const Request& request, int code) {
  const auto& retry = request.retry_on_exit;
  const bool again = std::find(retry.begin(), retry.end(), code) != retry.end();
  return {again ? SKEP_E_BUSY : SKEP_E_FAILED, "script exited with code " + std::to_string(code)};
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
  Output output = bounded(out, err);
  set_bytes(json, "stdout_base64", output.shortened ? nullptr : &out);
  set_bytes(json, "stderr_base64", output.shortened ? nullptr : &err);
  json.set("stdout", std::move(output.out)).set("stderr", std::move(output.err));
  json.set("truncated", output.shortened || out.truncated() || err.truncated());
  json.set("stdout_bytes", out.total()).set("stderr_bytes", err.total());
  json.set("duration_ms", exit.duration_ms).set("cpu_ms", exit.cpu_ms);
  json.set("max_rss_bytes", exit.max_rss_bytes > 0 ? Json(exit.max_rss_bytes) : Json());
  json.set("interpreter", request.interpreter);
  return json;
}

std::optional<Fault> verdict(const Request& request, const skep_process_exit& exit,
                             int cancel_reason) {
  switch (exit.reason) {
    case SKEP_EXIT_EXITED:
      if (exit.exit_code == 0) return std::nullopt;
      return exited(request, exit.exit_code);
    case SKEP_EXIT_TIMEOUT:
      return Fault(SKEP_E_DEADLINE, out_of_time(request, exit));
    case SKEP_EXIT_CANCELLED:
      // The host may tell of the deadline by cancelling before the process service has seen it.
      if (cancel_reason == SKEP_CANCEL_DEADLINE)
        return Fault(SKEP_E_DEADLINE, out_of_task_time(request, exit));
      return Fault(SKEP_E_CANCELLED, "script was cancelled");
    default:
      return Fault(SKEP_E_FAILED, "script was ended by " + signal_name(exit.signal));
  }
}

}  // namespace skep::script
