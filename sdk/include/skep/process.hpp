// C++20 layer over skep.svc.process/1: runs a program that can always be ended.
#ifndef SKEP_PROCESS_HPP
#define SKEP_PROCESS_HPP

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/sink.hpp"
#include "skep/svc/process.h"

namespace skep {

/// A program and what it gets; see skep_process_spec. Needs "skep.svc.process/1" in the manifest's
/// "requires" and the permission "process".
struct Process {
  std::vector<std::string> argv;   ///< argv[0] is a path, or a name looked up in the host's PATH
  std::vector<std::string> env{};  ///< "KEY=value"; nothing else is in the environment
  std::string cwd{};               ///< "" = the host's
  std::string stdin_bytes{};
  std::chrono::milliseconds timeout{0};  ///< 0 = none beyond the call's own deadline
  std::chrono::milliseconds grace{0};    ///< SIGTERM to SIGKILL; 0 = 5 s
  std::uint64_t memory_bytes = 0;        ///< address space, 0 = no limit
  std::uint32_t nice = 0;

  /// Its output as it comes, on the thread of run(); a negative code ends the program.
  using Output = std::function<skep_rc(std::uint32_t channel, std::string_view bytes)>;

  /// Runs it to its end, which `call` (may be null) brings about when it is cancelled or late.
  /// Throws Fault when it could not be started, and what `output` threw.
  skep_process_exit run(skep_call* call, const Output& output = {}) const;
};

namespace detail {

/// `output` behind the C boundary: what it throws ends the program and comes out of run().
struct ProcessOutput {
  const Process::Output& output;
  std::exception_ptr thrown{};

  static skep_rc put(void* self, std::uint32_t channel, skep_view bytes) noexcept {
    auto& it = *static_cast<ProcessOutput*>(self);
    try {
      return it.output ? it.output(channel, text(bytes)) : SKEP_OK;
    } catch (...) {
      it.thrown = std::current_exception();
      return SKEP_E_CANCELLED;
    }
  }
};

}  // namespace detail

inline skep_process_exit Process::run(skep_call* call, const Output& output) const {
  const auto& process = need_service<skep_svc_process_v1>(SKEP_SVC_PROCESS);
  const auto words = views(argv);
  const auto variables = views(env);
  skep_process_spec spec{};
  spec.size = sizeof(spec);
  spec.argc = static_cast<std::uint32_t>(words.size());
  spec.argv = words.data();
  spec.envc = static_cast<std::uint32_t>(variables.size());
  spec.env = variables.data();
  spec.nice = nice;
  spec.cwd = view(cwd);
  spec.stdin_bytes = view(stdin_bytes);
  spec.timeout_ms = timeout.count();
  spec.grace_ms = grace.count();
  spec.memory_bytes = memory_bytes;
  detail::ProcessOutput taker{output};
  const skep_process_output put{&taker, detail::ProcessOutput::put};
  skep_process_exit exit{};
  exit.size = sizeof(exit);
  HostError error;
  const skep_rc rc = process.run(host(), call, &spec, &put, &exit, error.out());
  if (taker.thrown) std::rethrow_exception(taker.thrown);
  error.check(rc);
  return exit;
}

}  // namespace skep

#endif
