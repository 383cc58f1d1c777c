#include "core/cli/up_background.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>

#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/cli/format.hpp"
#include "core/cli/interrupt.hpp"
#include "core/proc/launch.hpp"

namespace skep::cli {
namespace {

constexpr const char* kLog = "up";
constexpr Millis kReadyLimit{90'000};
constexpr Millis kStopLimit{60'000};

struct Supervisor {
  proc::Child child;
  UniqueFd report;  ///< its standard output: a Failure, when it ends before it is ready
};

Result<Supervisor> launch_supervisor(const SupervisorOptions& options, const UpState& state) {
  const UniqueFd in(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd log(
      ::open(state.log_path(kLog).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!in || !log) return errno_error("open \"" + state.log_path(kLog) + "\"", errno);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_error("make a pipe", errno);
  UniqueFd report(ends[0]);
  const UniqueFd out(ends[1]);
  // What the supervisor leaves behind may hold the other end: no read may wait for it.
  if (::fcntl(report.get(), F_SETFL, O_NONBLOCK) != 0) return errno_error("set O_NONBLOCK", errno);
  proc::Spec spec;
  spec.argv = {options.program,    "__up",    "--state",
               options.plan.state, "--sites", join(options.plan.sites, ",")};
  if (options.plan.listen.size() == 1) {
    const std::string& address = options.plan.listen.front();
    spec.argv.insert(spec.argv.end(), {"--port", address.substr(address.rfind(':') + 1)});
  }
  for (const auto& [key, value] : options.environment)
    spec.env.push_back(fmt::format("{}={}", key, value));
  proc::Launch request{spec};
  request.in = in.get();
  request.out = out.get();
  request.err = log.get();
  request.dies_with_us = false;
  auto child = proc::launch(request);
  if (!child) return child.error();
  return Supervisor{std::move(*child), std::move(report)};
}

bool has_ended(const proc::Child& child, Millis wait) {
  pollfd p{child.pidfd.get(), POLLIN, 0};
  return ::poll(&p, 1, static_cast<int>(wait.count())) == 1;
}

/// What is in a pipe that does not block.
std::string read_all(int fd) {
  std::string text;
  char chunk[4096];
  for (ssize_t n; (n = ::read(fd, chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<std::size_t>(n));
  return text;
}

Failure did_not_start(const Supervisor& supervisor, const UpState& state) {
  if (auto told = failure_of_report(read_all(supervisor.report.get()))) return std::move(*told);
  Error error{Code::kInternal, "the nodes did not start", "not-started",
              "less " + state.log_path(kLog)};
  return {std::move(error), {}, last_lines(state, kLog, 20)};
}

Outcome<std::string> wait_until_ready(const Supervisor& supervisor, const UpState& state) {
  const SystemClock clock;
  const MonoMs until = clock.mono_ms() + kReadyLimit.count();
  for (;;) {
    const auto record = state.read();
    if (record && *record && (*record)->ready && (*record)->supervisor.pid == supervisor.child.pid)
      return (*record)->url;
    if (interrupted()) return Failure(Error{Code::kCancelled, "interrupted"});
    if (has_ended(supervisor.child, Millis{100})) return did_not_start(supervisor, state);
    if (clock.mono_ms() > until)
      return Failure(Error{Code::kDeadline,
                           "the nodes are not ready after " + human_duration(kReadyLimit.count())}
                         .with_next("less " + state.log_path(kLog)));
  }
}

Error nothing_runs(const std::string& folder) {
  return Error{Code::kNotFound, "nothing that skep up started runs with state " + folder}.with_next(
      "--state FOLDER of the one to stop\n"
      "pgrep -af 'skep start'     # when its folder was removed");
}

}  // namespace

std::string report_of(const Failure& failure) {
  json::object o{{"code", static_cast<int>(failure.error.code)},
                 {"message", failure.error.message},
                 {"name", failure.error.name},
                 {"next", failure.error.next}};
  o["details"] = json::value_from(failure.details);
  return json::serialize(o);
}

std::optional<Failure> failure_of_report(const std::string& text) {
  const auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const json::object& o = parsed->get_object();
  Failure out(Error{code_from_abi(static_cast<std::int32_t>(get_int(o, "code"))),
                    get_string(o, "message"), get_string(o, "name"), get_string(o, "next")});
  if (const json::value* details = o.if_contains("details");
      details != nullptr && details->is_array())
    for (const json::value& line : details->get_array())
      if (line.is_string()) out.details.emplace_back(line.get_string());
  return out;
}

Outcome<std::string> start_supervisor(const SupervisorOptions& options, const Console& console) {
  const UpState state(options.plan.state);
  auto supervisor = launch_supervisor(options, state);
  if (!supervisor) return supervisor.error();
  console.note("starting " + std::to_string(options.plan.sites.size()) +
               " sites in the background");
  const auto id = identify(supervisor->child.pid);
  auto url = wait_until_ready(*supervisor, state);
  if (url) {
    console.note("control  " + *url);
    return url;
  }
  if (id)
    if (auto ended = end_process(*id, kStopLimit); !ended) console.note(ended.error().message);
  state.forget(supervisor->child.pid);
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
