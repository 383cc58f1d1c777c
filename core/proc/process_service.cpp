#include "core/proc/process_service.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <limits>
#include <string>
#include <string_view>

#include "core/base/utf8.hpp"
#include "core/proc/subprocess.hpp"

namespace skep::proc {
namespace {

std::string text(skep_view v) {
  return v.n == 0 ? std::string()
                  : std::string(static_cast<const char*>(v.p), static_cast<std::size_t>(v.n));
}

skep_rc report(skep_err* err, const Error& e) {
  if (err != nullptr && err->text != nullptr) {
    err->n = static_cast<std::uint32_t>(clip_utf8(e.message, err->cap).size());
    std::memcpy(err->text, e.message.data(), err->n);
    err->retry_ms = static_cast<std::uint32_t>(e.retry_after.count());
  }
  return static_cast<skep_rc>(e.code);
}

Result<Spec> spec_of(const skep_process_spec* given) {
  skep_process_spec known{};
  const skep_process_spec* in = &known;
  if (given == nullptr ||
      skep_read(&known, sizeof(known), given, SKEP_SIZE_1_0_PROCESS_SPEC) != SKEP_OK)
    return invalid("the process spec is too small");
  if (in->nice > 19) return invalid("nice is " + std::to_string(in->nice) + "; known: 0 to 19");
  Spec out;
  for (std::uint32_t i = 0; i < in->argc; ++i) out.argv.push_back(text(in->argv[i]));
  for (std::uint32_t i = 0; i < in->envc; ++i) out.env.push_back(text(in->env[i]));
  out.cwd = text(in->cwd);
  out.stdin_bytes = text(in->stdin_bytes);
  out.timeout = Millis(in->timeout_ms);
  if (in->grace_ms > 0) out.grace = Millis(in->grace_ms);
  out.memory_bytes = in->memory_bytes;
  out.nice = static_cast<int>(in->nice);
  return out;
}

std::uint32_t reason_of(ExitReason reason) {
  switch (reason) {
    case ExitReason::kExited:
      return SKEP_EXIT_EXITED;
    case ExitReason::kSignaled:
      return SKEP_EXIT_SIGNALED;
    case ExitReason::kTimeout:
      return SKEP_EXIT_TIMEOUT;
    case ExitReason::kCancelled:
      return SKEP_EXIT_CANCELLED;
  }
  return SKEP_EXIT_SIGNALED;
}

Status fill(skep_process_exit* out, const Exit& e) {
  skep_process_exit full{};
  full.reason = reason_of(e.reason);
  full.exit_code = e.exit_code;
  full.signal = e.signal;
  full.duration_ms = e.duration.count();
  full.cpu_ms = e.cpu.count();
  full.max_rss_bytes = e.max_rss_bytes;
  if (skep_write(out, &full, sizeof(full), SKEP_SIZE_1_0_PROCESS_EXIT) != SKEP_OK)
    return invalid("the place for the exit is too small");
  return {};
}

Output to_output(const skep_process_output* output) {
  if (output == nullptr || output->output == nullptr) return {};
  return [output](bool is_stderr, std::string_view bytes) {
    return output->output(output->ctx, is_stderr ? SKEP_CH_STDERR : SKEP_CH_STDOUT,
                          {bytes.data(), bytes.size()}) >= 0;
  };
}

Status run_checked(skep_call* call, const skep_process_spec* in, const skep_process_output* output,
                   skep_process_exit* out) {
  const auto spec = spec_of(in);
  if (!spec) return spec.error();
  if (out == nullptr) return invalid("there is no place for the exit");
  const CallControl control = control_of(call);
  const auto exit = run(*spec, control.cancel_fd, control.deadline, to_output(output));
  if (!exit) return exit.error();
  return fill(out, *exit);
}

skep_rc run_service(const skep_host*, skep_call* call, const skep_process_spec* spec,
                    const skep_process_output* output, skep_process_exit* exit,
                    skep_err* err) noexcept {
  try {
    const Status status = run_checked(call, spec, output, exit);
    return status ? SKEP_OK : report(err, status.error());
  } catch (const std::exception& e) {  // out of memory or of threads
    return report(err, {Code::kNoMemory, std::string("run a process: ") + e.what()});
  }
}

}  // namespace

CallControl control_of(skep_call* call) {
  if (call == nullptr) return {};
  constexpr std::int64_t kNsPerMs = 1'000'000;
  const std::int64_t deadline = call->ops->deadline_ns(call);
  const bool forever = deadline == std::numeric_limits<std::int64_t>::max();
  return {call->ops->cancel_fd(call), forever ? 0 : std::max<MonoMs>(1, deadline / kNsPerMs)};
}

const skep_svc_process_v1* process_service() {
  static const skep_svc_process_v1 table{sizeof(skep_svc_process_v1), 0, run_service};
  return &table;
}

}  // namespace skep::proc
