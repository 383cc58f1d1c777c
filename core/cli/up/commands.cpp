// skep up: a control plane and some sites on this machine
#include "core/cli/up/commands.hpp"

#include <algorithm>
#include <filesystem>
#include <ostream>

#include "core/base/id.hpp"
#include "core/base/text.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/invocation.hpp"
#include "core/cli/up/background.hpp"
#include "core/cli/up/demo.hpp"
#include "core/cli/up/nodes.hpp"
#include "core/config/load.hpp"
#include "core/supervise/ports.hpp"

namespace skep::cli {
namespace {

constexpr std::size_t kMaxSites = 32;

Result<std::vector<std::string>> sites_of(const std::string& text) {
  const auto sites = split(text, ',');
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const auto end = sites.begin() + static_cast<std::ptrdiff_t>(i);
    if (!is_name(sites[i]) || sites[i] == kControl || sites[i] == "up")
      return usage_error("--sites: \"" + sites[i] + "\" is no name of a site",
                         "--sites site-a,site-b,site-c");
    if (std::find(sites.begin(), end, sites[i]) != end)
      return usage_error("--sites: \"" + sites[i] + "\" is given twice");
  }
  if (sites.size() > kMaxSites)
    return usage_error("--sites: more than " + std::to_string(kMaxSites) + " sites");
  return sites;
}

Result<std::vector<std::string>> listen_of(const Args& args) {
  if (!args.has("port")) return std::vector<std::string>{"127.0.0.1:9595", "127.0.0.1:8000"};
  const auto port = args.integer("port", 0);
  if (!port) return port.error();
  if (*port > 65'535) return usage_error("--port " + args.get("port") + " is larger than 65535");
  return std::vector<std::string>{"127.0.0.1:" + std::to_string(*port)};
}

Result<UpPlan> plan_of(const Args& args) {
  auto sites = sites_of(args.get("sites", "site-a,site-b,site-c"));
  if (!sites) return sites.error();
  auto listen = listen_of(args);
  if (!listen) return listen.error();
  if (args.has("state") && args.get("state").empty())
    return usage_error("--state is empty", "--state FOLDER");
  std::error_code ec;
  std::string state =
      std::filesystem::absolute(args.get("state", "./.skep"), ec).lexically_normal();
  if (ec) return errno_error("find folder \"" + args.get("state", "./.skep") + "\"", ec.value());
  while (state.size() > 1 && state.ends_with('/')) state.pop_back();
  return UpPlan{std::move(state), std::move(*sites), std::move(*listen)};
}

/// What the nodes get: the user's variables must not give three workers one id.
Environment node_environment(const Invocation& call) {
  Environment out;
  std::string dropped;
  for (const auto& [key, value] : call.environment) {
    if (config::is_of_dev(key)) continue;
    if (key.starts_with("SKEP_") || key.starts_with("WORKER_"))
      dropped += " " + key;
    else
      out.emplace(key, value);
  }
  if (!dropped.empty()) call.console.note("not passed to the nodes:" + dropped);
  return out;
}

Result<std::string> own_path() {
  std::error_code ec;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", ec);
  if (ec) return errno_error("read /proc/self/exe", ec.value());
  return path.string();
}

void print_hints(const Console& c, const std::string& url, const UpPlan& plan, bool background) {
  const std::string& site = plan.sites.back();
  const std::string server = url == "http://127.0.0.1:9595" ? "" : " --server " + url;
  c.out << "\ntry     skep" << server << " status\n"
        << "        skep" << server << " task submit execute_script -p script='df -h /' --site "
        << site << " -f\n"
        << "        skep" << server << " task list\n"
        << "logs    " << plan.state << "/*.log\n"
        << "stop    " << (background ? stop_command(plan) : "Ctrl-C") << '\n'
        << std::flush;
}

Expected<bool> demo(Invocation& call, const std::string& url, const UpPlan& plan) {
  auto api = Client::make({url, {}, {}}, {}, Millis{30'000}, http_transport(), &interrupted());
  if (!api) return api.error();
  return run_demo(*api, call.console, plan.sites);
}

Error port_taken(const std::string& address) {
  const char* other = address.ends_with(":9595") ? "9600" : "9595";
  return Error{Code::kState, address + " is taken by another program"}
      .named("port-taken")
      .with_next(std::string("skep up --port ") + other +
                 "   or   --port 0 for any free one\nskep status       # is it a skep already?");
}

Status prepare(Invocation& call, const UpPlan& plan, supervise::StateFolder& state) {
  const bool fresh = call.args.has("fresh");
  SKEP_TRY(state.check_made_by_up());
  SKEP_TRY(state.lock());
  if (fresh) SKEP_TRY(state.wipe());
  const auto taken = supervise::first_taken(plan.listen);
  if (!taken) return taken.error();
  if (*taken) return port_taken(**taken);
  return {};
}

/// Everything but the waiting; on failure the caller stops the nodes.
Expected<bool> bring_up(Invocation& call, UpNodes& nodes, const UpPlan& plan) {
  const auto url = nodes.start();
  if (!url) return url.error();
  if (const auto good = demo(call, *url, plan); !good) {
    if (interrupted()) return good.error();
    print_failure(call.console, good.error());
    call.console.note("the nodes go on");
  }
  print_hints(call.console, *url, plan, false);
  return true;
}

Expected<int> foreground(Invocation& call, const UpPlan& plan, bool with_demo) {
  supervise::StateFolder state(plan.state);
  SKEP_TRY(prepare(call, plan, state));
  auto program = own_path();
  if (!program) return program.error();
  catch_interrupts();
  UpNodes nodes({plan, std::move(*program), node_environment(call)}, state, call.console,
                http_transport());
  const Expected<bool> up = with_demo ? bring_up(call, nodes, plan) : [&]() -> Expected<bool> {
    const auto url = nodes.start();
    if (!url) return url.error();
    return true;
  }();
  const bool asked = up && nodes.watch();
  call.console.note(stopping_words());
  nodes.stop();
  call.console.note("stopped");
  if (!up) return up.error();
  return asked ? 0 : 1;
}

Expected<int> background(Invocation& call, const UpPlan& plan) {
  auto program = own_path();
  if (!program) return program.error();
  {
    supervise::StateFolder state(plan.state);
    SKEP_TRY(prepare(call, plan, state));
    state.forget();
    std::error_code ignored;  // an old log that stays is only longer
    std::filesystem::remove(state.log_path("up"), ignored);
  }  // released: the supervisor locks it next
  catch_interrupts();
  const auto url = start_supervisor({*program, plan, call.environment}, call.console);
  if (!url) return url.error();
  const auto good = demo(call, *url, plan);
  print_hints(call.console, *url, plan, true);
  return leave_running(good, plan, call.console);
}

Expected<int> up(Invocation& call) {
  const auto plan = plan_of(call.args);
  if (!plan) return plan.error();
  if (call.args.has("stop")) {
    const auto stopped = stop_supervisor(plan->state, call.console);
    if (!stopped) return stopped.error();
    return 0;
  }
  return call.args.has("detach") ? background(call, *plan) : foreground(call, *plan, true);
}

/// Its failure goes to standard output too, for the command that started it.
Expected<int> supervise(Invocation& call) {
  const auto plan = plan_of(call.args);
  if (!plan) return plan.error();
  auto code = foreground(call, *plan, false);
  if (!code) call.console.out << report_of(code.error()) << std::flush;
  return code;
}

}  // namespace

std::vector<Command> up_commands() {
  Command c{"up", "start a control plane and three sites here, and run real work on them"};
  c.options = {
      {"detach", 'd', "", "leave them running in the background"},
      {"stop", 0, "", "end what -d started in this state folder"},
      {"state", 0, "FOLDER", "state folder (./.skep)"},
      {"sites", 0, "A,B,C", "names of the sites (site-a,site-b,site-c)"},
      {"port", 0, "PORT", "listen on 127.0.0.1:PORT only (9595 and 8000); 0 = any free port"},
      {"fresh", 0, "",
       "first remove what an earlier run left in the state folder; other files stay"}};
  c.notes =
      "For one machine and for trying things out. Each node has its own TOML file, state and log\n"
      "in the state folder. Ctrl-C stops them all; running tasks get 30 s to end, and what does "
      "not goes\n"
      "back to the queue.";
  c.examples = {"skep up", "skep up -d --port 0 --state /tmp/skep",
                "skep up --stop --state /tmp/skep"};
  c.run = up;
  Command hidden{"__up", "the process behind skep up -d"};
  hidden.options = {c.options[2], c.options[3], c.options[4]};
  hidden.hidden = true;
  hidden.run = supervise;
  return {std::move(c), std::move(hidden)};
}

}  // namespace skep::cli
