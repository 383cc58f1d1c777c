#include "core/cli/up/background.hpp"

#include <boost/json.hpp>

#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/cli/up/nodes.hpp"
#include "core/proc/monotonic.hpp"
#include "core/supervise/detached.hpp"

namespace skep::cli {
namespace {

constexpr const char* kLog = "up";
constexpr int kTaskFailed = 9;
constexpr Millis kReadyLimit{90'000};
constexpr Millis kStopLimit{60'000};

Result<supervise::Detached> launch(const SupervisorOptions& options, const std::string& log_path) {
  std::vector<std::string> argv{options.program,    "__up",    "--state",
                                options.plan.state, "--sites", join(options.plan.sites, ",")};
  if (options.plan.listen.size() == 1) {
    const std::string& address = options.plan.listen.front();
    argv.insert(argv.end(), {"--port", address.substr(address.rfind(':') + 1)});
  }
  std::vector<std::string> env;
  for (const auto& [key, value] : options.environment) env.push_back(key + "=" + value);
  return supervise::Detached::launch(argv, env, log_path);
}

Failure did_not_start(supervise::Detached& supervisor, const supervise::StateFolder& state) {
  if (auto told = failure_of_report(supervisor.last_words())) return std::move(*told);
  Error error{Code::kInternal, "the nodes did not start", "not-started",
              "less " + shell_word(state.log_path(kLog))};
  return {std::move(error), {}, log_lines(state, kLog, 20)};
}

Expected<std::string> wait_until_ready(supervise::Detached& supervisor,
                                       const supervise::StateFolder& state) {
  const MonoMs until = proc::monotonic_ms() + kReadyLimit.count();
  for (;;) {
    const auto record = state.read();
    if (record && *record && (*record)->ready && (*record)->supervisor.pid == supervisor.pid())
      return (*record)->url;
    if (interrupted()) return Failure(interruption());
    if (supervisor.has_ended(Millis{100})) return did_not_start(supervisor, state);
    if (proc::monotonic_ms() > until)
      return Failure(Error{Code::kDeadline,
                           "the nodes are not ready after " + human_duration(kReadyLimit.count())}
                         .with_next("less " + shell_word(state.log_path(kLog))));
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

Expected<std::string> start_supervisor(const SupervisorOptions& options, const Console& console) {
  const supervise::StateFolder state(options.plan.state);
  auto supervisor = launch(options, state.log_path(kLog));
  if (!supervisor) return supervisor.error();
  console.note("starting " + std::to_string(options.plan.sites.size()) +
               " sites in the background");
  auto url = wait_until_ready(*supervisor, state);
  if (url) {
    console.note("control  " + *url);
    return url;
  }
  if (const auto ended = supervisor->end(kStopLimit); ended)
    state.forget(supervisor->pid());
  else
    console.note(ended.error().message);
  return url;
}

std::string stop_command(const UpPlan& plan) {
  return "skep up --stop --state " + shell_word(plan.state);
}

Expected<int> leave_running(const Expected<bool>& demo, const UpPlan& plan,
                            const Console& console) {
  if (demo && *demo) return 0;
  console.note("the nodes go on in the background; to end them: " + stop_command(plan));
  if (!demo) return demo.error();
  return kTaskFailed;
}

Expected<bool> stop_supervisor(const std::string& folder, const Console& console) {
  const supervise::StateFolder state(folder);
  const auto record = state.read();
  if (!record) return record.error();
  if (!*record) return Failure(nothing_runs(folder));
  if (const auto alive = supervise::is_alive((*record)->supervisor); alive && *alive)
    console.note(stopping_words());
  const auto found = supervise::end_recorded(**record, [&](const std::string& node) {
    console.note("node " + node + " outlived its supervisor; ending it");
  });
  if (!found) return found.error();
  state.forget();
  if (!*found) return Failure(nothing_runs(folder));
  console.note("stopped");
  return true;
}

}  // namespace skep::cli
