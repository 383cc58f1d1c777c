#include "core/cli/up_background.hpp"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "core/base/text.hpp"
#include "core/cli/format.hpp"
#include "core/cli/interrupt.hpp"
#include "core/proc/launch.hpp"

namespace skep::cli {
namespace {

constexpr const char* kLog = "up";
constexpr Millis kReadyLimit{90'000};
constexpr Millis kStopLimit{60'000};

Result<proc::Child> launch_supervisor(const SupervisorOptions& options, const UpState& state) {
  const UniqueFd in(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd log(::open(state.log_path(kLog).c_str(),
                            O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640));
  if (!in || !log) return errno_error("open \"" + state.log_path(kLog) + "\"", errno);
  proc::Spec spec;
  spec.argv = {options.program,    "__up",    "--state",
               options.plan.state, "--sites", join(options.plan.sites, ",")};
  if (options.plan.listen.size() == 1) {
    const std::string& address = options.plan.listen.front();
    spec.argv.insert(spec.argv.end(), {"--port", address.substr(address.rfind(':') + 1)});
  }
  for (const auto& [key, value] : options.environment) spec.env.push_back(key + "=" + value);
  proc::Launch request{spec};
  request.in = in.get();
  request.out = log.get();
  request.err = log.get();
  request.dies_with_us = false;
  return proc::launch(request);
}

bool has_ended(const proc::Child& child, Millis wait) {
  pollfd p{child.pidfd.get(), POLLIN, 0};
  return ::poll(&p, 1, static_cast<int>(wait.count())) == 1;
}

Failure did_not_start(const UpState& state) {
  Error error{Code::kInternal, "the nodes did not start", "not-started",
              "less " + state.log_path(kLog)};
  return {std::move(error), {}, last_lines(state, kLog, 20)};
}

Outcome<std::string> wait_until_ready(const proc::Child& child, const UpState& state) {
  const SystemClock clock;
  const MonoMs until = clock.mono_ms() + kReadyLimit.count();
  for (;;) {
    const auto record = state.read();
    if (record && *record && (*record)->ready && (*record)->supervisor.pid == child.pid)
      return (*record)->url;
    if (interrupted()) return Failure(Error{Code::kCancelled, "interrupted"});
    if (has_ended(child, Millis{100})) return did_not_start(state);
    if (clock.mono_ms() > until)
      return Failure(Error{Code::kDeadline,
                           "the nodes are not ready after " + human_duration(kReadyLimit.count())}
                         .with_next("less " + state.log_path(kLog)));
  }
}

Error nothing_runs(const std::string& folder) {
  return Error{Code::kNotFound, "nothing that skep up started runs with state " + folder}.with_next(
      "--state FOLDER of the one to stop");
}

}  // namespace

Outcome<std::string> start_supervisor(const SupervisorOptions& options, const Console& console) {
  const UpState state(options.plan.state);
  auto child = launch_supervisor(options, state);
  if (!child) return child.error();
  console.note("starting " + std::to_string(options.plan.sites.size()) +
               " sites in the background");
  const auto id = identify(child->pid);
  auto url = wait_until_ready(*child, state);
  if (url) {
    console.note("control  " + *url);
    return url;
  }
  if (id)
    if (auto ended = end_process(*id, kStopLimit); !ended) console.note(ended.error().message);
  state.forget();
  return url;
}

Outcome<bool> stop_supervisor(const std::string& folder, const Console& console) {
  const UpState state(folder);
  const auto record = state.read();
  if (!record) return record.error();
  if (!*record) return Failure(nothing_runs(folder));
  bool found = is_alive((*record)->supervisor);
  if (found) console.note("stopping: workers finish what they run");
  const auto ended = end_process((*record)->supervisor, kStopLimit);
  if (!ended) return ended.error();
  for (const auto& [name, id] : (*record)->nodes) {
    if (!is_alive(id)) continue;
    found = true;
    console.note("node " + name + " outlived its supervisor; ending it");
    if (const auto gone = end_process(id, Millis{10'000}); !gone) return gone.error();
  }
  state.forget();
  if (!found) return Failure(nothing_runs(folder));
  console.note("stopped");
  return true;
}

}  // namespace skep::cli
