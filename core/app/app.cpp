#include "core/app/app.hpp"

#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>

#include "core/app/admission.hpp"
#include "core/app/control_role.hpp"
#include "core/app/node_core.hpp"
#include "core/app/node_files.hpp"
#include "core/app/open_files.hpp"
#include "core/app/signal_echo.hpp"
#include "core/app/start_watch.hpp"
#include "core/app/worker_role.hpp"
#include "core/base/fd.hpp"
#include "core/base/id.hpp"
#include "core/base/log.hpp"
#include "core/base/log_writer.hpp"
#include "core/base/text.hpp"
#include "core/base/version.hpp"
#include "core/plugin/patience.hpp"
#include "core/plugin/services/kv_space.hpp"
#include "core/plugin/services/secret_rules.hpp"
#include "core/proc/launch.hpp"
#include "core/proc/monotonic.hpp"

namespace skep::app {
namespace {

/// SIGTERM, SIGINT and SIGHUP as data. Made before any thread, so that every thread has them
/// blocked.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    fd_.reset(signalfd(-1, &set, SFD_CLOEXEC));
    woken_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  }
  /// Ends wait() without a signal. [any]
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(woken_.get(), &one, sizeof(one));
  }
  /// The next signal's number, or 0 when somebody woke us.
  int wait() {
    pollfd fds[2] = {{fd_.get(), POLLIN, 0}, {woken_.get(), POLLIN, 0}};
    for (;;) {
      while (poll(fds, 2, -1) < 0 && errno == EINTR) {
      }
      if ((fds[0].revents & POLLIN) == 0) break;
      signalfd_siginfo info{};
      if (read(fd_.get(), &info, sizeof(info)) != sizeof(info)) break;
      const int number = static_cast<int>(info.ssi_signo);
      if (!echo_.is_echo(number, static_cast<pid_t>(info.ssi_pid), proc::monotonic_ms()))
        return number;
    }
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(woken_.get(), &count, sizeof(count));
    return 0;
  }

 private:
  UniqueFd fd_;
  UniqueFd woken_;
  SignalEcho echo_;
};

constexpr Millis kLastWords{1'000};
/// A signal gives a start that is under way so long.
constexpr Millis kStartPatience{10'000};

int fail(const Error& error, log::Writer& writer) {
  log::error("start_failed", {{"error", error.message}});
  if (!writer.flush(kLastWords)) return 1;
  std::fprintf(stderr, "error: %s   [%s]\n", error.message.c_str(),
               std::string(error.id()).c_str());
  if (!error.next.empty()) std::fprintf(stderr, "  next:  %s\n", error.next.c_str());
  // What configuration named and this machine does not have will not heal by a restart.
  const bool hopeless = error.code == Code::kConfig || error.code == Code::kNotFound;
  return hopeless ? info(Code::kConfig).exit_code : 1;
}

/// Drains beside the signals: the second one cuts it short.
worker::DrainReport drain(WorkerRole& role, Signals& signals) {
  worker::DrainReport report;
  std::atomic<bool> done = false;
  std::jthread drainer([&] {
    report = role.drain();
    done = true;
    signals.wake();
  });
  while (!done)
    if (const int number = signals.wait(); number != 0 && number != SIGHUP) {
      log::warn("worker_pool_signal_received", {{"signal", strsignal(number)}, {"second", true}});
      role.hurry();
    }
  drainer.join();
  return report;
}

plugin::DrainLimits drain_limits(const config::Config::Plugins& plugins) {
  plugin::DrainLimits limits;
  limits.soft = Millis{seconds_to_ms(plugins.drain_seconds)};
  return limits;
}

plugin::RegistryOptions registry_options(const config::Config& config,
                                         std::shared_ptr<const trust::Gate> gate,
                                         std::string node_id) {
  plugin::RegistryOptions o;
  make_plugin_folders(config);
  set_plugin_search(config, o);
  o.staging_dir = config.node.state_dir + "/staging";
  o.tables = config.plugins.tables;
  o.state_dir = config.node.state_dir;
  o.node_id = std::move(node_id);
  o.site = config.node.site;
  o.isolation = "process";
  o.shipped_dir = default_plugin_paths().front();
  o.shipped = split(SKEP_SHIPPED_PLUGINS, ' ');
  o.admission = admission(std::move(gate));
  o.lock_file = config.trust.lock_file;
  o.drain = drain_limits(config.plugins);
  return o;
}

bool is_default(const config::Loaded& loaded, const std::string& key) {
  const auto origin = loaded.origins.find(key);
  return origin == loaded.origins.end() || origin->second.kind == config::Layer::kDefault;
}

/// A node with both roles works for itself, wherever it listens, unless it was told otherwise. What
/// its two halves know of each other is in memory alone.
bool works_for_itself(const config::Loaded& loaded) {
  return loaded.config.is_control() && loaded.config.is_worker() &&
         is_default(loaded, "worker.control_plane_url");
}

/// The folder that the node was started in may go, and its file stay.
config::LoadOptions from_anywhere(config::LoadOptions source) {
  std::error_code ec;
  const auto whole = std::filesystem::absolute(source.path, ec);
  if (!source.path.empty() && !ec) source.path = whole.lexically_normal().string();
  return source;
}

/// A start that hangs cannot be ended in order: what it waits for may never answer.
void end_hung_start(int number, log::Writer& writer) {
  _exit(fail(
      unavailable(std::string("the start has not ended since a signal came (") + strsignal(number) +
                  "): something that it opens does not answer, such as the folder of "
                  "[node] state_dir, [queue], [store] or [spool]")
          .with_next("df -h   (it hangs at the same disk)"),
      writer));
}

/// The signal that ends the node, 0 when a part of it asked to; SIGHUP reloads.
int wait_for_end(Signals& signals, NodeCore& node) {
  for (;;) {
    const int number = signals.wait();
    if (number != SIGHUP) return number;
    node.reload_soon();
  }
}

/// What changes mean to each part.
NodeCore::Parts parts_of(plugin::Registry& registry, ControlRole* control, WorkerRole* worker) {
  NodeCore::Parts parts;
  parts.apply.emplace_back(
      [](const config::Config& c) { log::configure(c.log.format, c.log.level); });
  parts.apply.emplace_back(
      [&registry](const config::Config& c) { registry.set_drain(drain_limits(c.plugins)); });
  parts.apply.emplace_back([](const config::Config& c) {
    // A table that is wrong has been refused with the file.
    if (auto rules = plugin::parse_secret_rules(c.secrets))
      plugin::set_secret_rules(std::move(*rules));
  });
  parts.on_plugins_changed = [] {};
  if (control != nullptr) {
    parts.apply.emplace_back([control](const config::Config& c) { control->apply(c); });
    parts.on_plugins_changed = [&registry, control] {
      control->set_own_types(registry.task_types());
    };
  }
  if (worker != nullptr) {
    parts.apply.emplace_back([worker](const config::Config& c) { worker->apply(c); });
    parts.api.scripts = [worker] { return worker->scripts(); };
  }
  parts.api.checks = [&registry, control, worker] {
    auto all = control != nullptr ? control->checks() : std::vector<api::Health::Check>{};
    if (worker != nullptr) all.push_back(worker->check());
    // A control plane serves others, also while the worker beside it takes no tasks.
    if (control != nullptr && worker != nullptr) all.back().advisory = true;
    // Queue, store and worker say themselves whether they can go on with it.
    all.push_back({"plugins", join(registry.hangs(), "; "), true});
    return all;
  };
  return parts;
}

}  // namespace

std::string install_prefix() {
  std::error_code ec;
  return std::filesystem::read_symlink("/proc/self/exe", ec).parent_path().parent_path().string();
}

std::vector<std::string> default_plugin_paths() { return {install_prefix() + "/lib/skep/plugins"}; }

std::vector<std::string> plugin_paths(const config::Config& config) {
  if (!config.plugins.paths.empty()) return config.plugins.paths;
  std::vector<std::string> paths = default_plugin_paths();
  paths.insert(paths.begin(), config.node.state_dir + "/plugins");
  return paths;
}

std::string shipped_scripts() { return install_prefix() + "/share/skep/scripts"; }

bool is_shipped_script(const std::string& path) {
  return std::filesystem::path(path).parent_path() == std::filesystem::path(shipped_scripts());
}

std::vector<std::string> script_paths(const config::Config& config) {
  if (!config.scripts.paths.empty()) return config.scripts.paths;
  return {config.node.state_dir + "/scripts", shipped_scripts()};
}

namespace {

int run(const config::Loaded& loaded, const config::LoadOptions& source, Signals& signals,
        log::Writer& writer) {
  raise_open_files();
  auto watch = std::make_unique<StartWatch>(
      kStartPatience, [&writer](int number) { end_hung_start(number, writer); });
  config::Config config = loaded.config;
  SystemClock clock;
  if (const auto folder = make_state_dir(config.node.state_dir); !folder)
    return fail(folder.error(), writer);
  auto gate = make_gate(config);
  if (!gate) return fail(gate.error(), writer);
  auto secrets = plugin::parse_secret_rules(config.secrets);
  if (!secrets) return fail(config::with_place(loaded, secrets.error()), writer);
  plugin::set_secret_rules(std::move(*secrets));
  auto id = node_id(config);
  if (!id) return fail(id.error(), writer);
  plugin::Registry registry(registry_options(config, *gate, std::move(*id)));
  if (const auto scanned = registry.scan(); !scanned)
    return fail(config::with_place(loaded, scanned.error()), writer);

  auto made = NodeCore::start(loaded, from_anywhere(source), registry, *gate);
  if (!made) return fail(made.error(), writer);
  NodeCore& node = **made;
  plugin::remove_kv_leftovers(config.node.state_dir);  // now that the folder is ours
  constexpr std::size_t kTokenBytes = 32;
  const std::string own_join_token = works_for_itself(loaded) ? random_hex(kTokenBytes) : "";
  std::unique_ptr<ControlRole> control;
  if (config.is_control()) {
    auto started = ControlRole::start(config, registry, admission(*gate), clock, node.events(),
                                      node.routes(), own_join_token);
    if (!started) return fail(config::with_place(loaded, started.error()), writer);
    control = std::move(*started);
    if (!own_join_token.empty()) config.worker.control_plane_url = control->urls();
  }
  std::unique_ptr<WorkerRole> worker;
  if (config.is_worker()) {
    auto started = WorkerRole::start(config, registry, admission(*gate), clock, own_join_token,
                                     [&signals] { signals.wake(); });
    if (!started) return fail(config::with_place(loaded, started.error()), writer);
    worker = std::move(*started);
  }

  registry.watch();
  if (proc::is_init()) proc::watch_children(1);  // also while none of ours runs
  node.run(parts_of(registry, control.get(), worker.get()),
           control ? control->urls() : std::vector<std::string>{});
  watch.reset();
  // The start read whole plugins, manifests and schemas: megabytes that would stay ours.
  ::malloc_trim(0);
  const int number = wait_for_end(signals, node);
  if (number != 0) log::info("worker_pool_signal_received", {{"signal", strsignal(number)}});
  node.announce_stop();
  registry.hurry();
  int exit_code = 0;
  if (worker) {
    const auto report = drain(*worker, signals);
    exit_code = report.exit_code;
    if (report.abandoned > 0) {
      // Threads of plugins that ignore their cancellation cannot be joined.
      log::error("worker_tasks_abandoned", {{"count", report.abandoned}});
      if (control) control->stop();
      node.stop();
      writer.flush(kLastWords);
      _exit(exit_code != 0 ? exit_code : 1);
    }
    node.stop_changes();
    worker.reset();
  }
  if (control) control->stop();
  node.stop();
  log::info("node_stopped", {{"exit_code", exit_code}});
  return exit_code;
}

}  // namespace

int run_node(const config::Loaded& loaded, const config::LoadOptions& source) {
  Signals signals;
  log::configure(loaded.config.log.format, loaded.config.log.level);
  log::Writer writer;
  const int exit_code = run(loaded, source, signals, writer);
  if (plugin::given_up_calls() > 0) {  // threads are inside of plugins that did not stop
    writer.flush(kLastWords);
    _exit(exit_code != 0 ? exit_code : 1);
  }
  return exit_code;
}

}  // namespace skep::app
