#include "core/cli/fleet.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/base/text.hpp"
#include "core/cli/format.hpp"
#include "core/cli/interrupt.hpp"
#include "core/cli/output.hpp"

namespace skep::cli {
namespace {

constexpr Millis kPoll{100};
constexpr Millis kControlLimit{10'000};

MonoMs mono_ms() { return SystemClock().mono_ms(); }

bool has_docker_socket() {
  struct stat st {};
  return ::stat("/var/run/docker.sock", &st) == 0 && S_ISSOCK(st.st_mode);
}

std::string exit_text(const proc::Exit& exit) {
  return exit.signal != 0
             ? fmt::format(
                   "was ended by signal {} ({})", exit.signal,
                   ::sigabbrev_np(exit.signal) != nullptr ? ::sigabbrev_np(exit.signal) : "?")
             : fmt::format("exited with code {}", exit.exit_code);
}

}  // namespace

Fleet::Fleet(FleetOptions options, UpState& state, const Console& console, Transport transport)
    : options_(std::move(options)),
      state_(state),
      console_(console),
      transport_(std::move(transport)) {}

Status Fleet::record() const {
  UpRecord record{identify(::getpid()).value_or(ProcessId{}), url_, ready_, {}};
  for (const Node& node : nodes_)
    record.nodes.emplace_back(node.name, identify(node.process.pid()).value_or(ProcessId{}));
  return state_.write(record);
}

Status Fleet::spawn(const std::string& name, const std::string& toml) {
  proc::Spec spec;
  spec.argv = {options_.program, "start", "-c", toml};
  for (const auto& [key, value] : options_.environment)
    spec.env.push_back(fmt::format("{}={}", key, value));
  auto process = proc::Background::spawn(spec, state_.log_path(name));
  if (!process) return process.error().within("start node " + name);
  nodes_.push_back({name, std::move(*process)});
  return record();
}

Failure Fleet::ended(const Node& node, const proc::Exit& exit) const {
  Error error{Code::kInternal, fmt::format("node {} {}", node.name, exit_text(exit)), "node-ended",
              "less " + state_.log_path(node.name) + "\nskep start -c " +
                  state_.path(node.name + ".toml") + "     # start it again, in another terminal"};
  return {std::move(error), {}, last_lines(state_, node.name, 12)};
}

Outcome<void> Fleet::still_waiting(std::string_view what, MonoMs until) {
  if (interrupted()) return Failure(Error{Code::kCancelled, "interrupted"});
  for (Node& node : nodes_)
    if (const auto exit = node.process.poll()) return ended(node, *exit);
  if (mono_ms() > until)
    return Failure(Error{Code::kDeadline, fmt::format("{} after {}", what,
                                                      human_duration(options_.start_limit.count()))}
                       .with_next("less " + state_.folder() + "/*.log"));
  // The first node is the control plane: its end is news, and until then this is the pause.
  if (const auto exit = nodes_.front().process.poll(kPoll)) return ended(nodes_.front(), *exit);
  return {};
}

Outcome<std::string> Fleet::wait_for_control() {
  const MonoMs until = mono_ms() + options_.start_limit.count();
  for (;;) {
    if (const std::string url = state_.control_url(); !url.empty()) {
      auto api = Client::make({url, {}, {}}, {}, Millis{2'000}, transport_, &interrupted());
      if (!api) return api.error();
      const auto answer = api->raw("GET", "/readyz", {});
      if (answer && answer->status < 400) return url;
    }
    SKEP_TRY(still_waiting("the control plane is not ready", until));
  }
}

/// By its pid too: after a restart the control plane remembers the workers of the last run as
/// online.
bool Fleet::is_online(const Node& node, const json::value& workers) const {
  for (const json::object* w : items_of(workers))
    if (get_string(*w, "worker_id") == worker_id_of(node.name))
      return get_string(*w, "status") == "online" && get_int(*w, "pid") == node.process.pid();
  return false;
}

Outcome<bool> Fleet::wait_for_workers(Client& api) {
  const MonoMs until = mono_ms() + options_.start_limit.count();
  std::set<std::string> seen;
  for (;;) {
    const auto workers = api.get("/api/workers");
    if (workers) {
      for (const Node& node : nodes_)
        if (is_online(node, *workers) && seen.insert(node.name).second)
          console_.note(fmt::format("worker   {} at {}", worker_id_of(node.name), node.name));
    }
    if (seen.size() == options_.plan.sites.size()) return true;
    SKEP_TRY(still_waiting(
        fmt::format("{} of {} workers are online", seen.size(), options_.plan.sites.size()),
        until));
  }
}

Outcome<std::string> Fleet::start() {
  std::error_code ignored;  // a stale file that stays fails the /readyz check below
  std::filesystem::remove(state_.path("control/endpoints"), ignored);
  auto control_toml = state_.write_control_toml(options_.plan);
  if (!control_toml) return control_toml.error();
  SKEP_TRY(spawn("control", *control_toml));
  auto url = wait_for_control();
  if (!url) return url.error();
  url_ = *url;
  console_.note("control  " + url_);

  const bool docker = has_docker_socket();
  for (std::size_t i = 0; i < options_.plan.sites.size(); ++i) {
    const std::string& site = options_.plan.sites[i];
    // The third site shows a place without Docker.
    auto toml = state_.write_site_toml(site, url_, docker && i != 2);
    if (!toml) return toml.error();
    SKEP_TRY(spawn(site, *toml));
  }
  auto api = Client::make({url_, {}, {}}, {}, Millis{5'000}, transport_, &interrupted());
  if (!api) return api.error();
  if (auto online = wait_for_workers(*api); !online) return online.error();
  ready_ = true;
  SKEP_TRY(record());
  return url_;
}

bool Fleet::watch() {
  while (!interrupted() && !nodes_.empty()) {
    const Millis share = kPoll / nodes_.size();
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const auto exit = nodes_[i].process.poll(share);
      if (!exit) continue;
      print_failure(console_, ended(nodes_[i], *exit));
      nodes_.erase(nodes_.begin() + static_cast<std::ptrdiff_t>(i));
      if (const auto written = record(); !written) console_.note(written.error().message);
      break;
    }
  }
  return interrupted();
}

void Fleet::finish(Node& node, Millis grace) {
  if (node.process.poll(grace)) return;
  node.process.stop(Millis{0});
  console_.note(fmt::format("{} did not end within {} and was killed", node.name,
                            human_duration(options_.drain_limit.count())));
}

void Fleet::stop() {
  const MonoMs until = mono_ms() + options_.drain_limit.count();
  const auto left = [&] { return Millis{std::max<MonoMs>(0, until - mono_ms())}; };
  const auto is_control = [](const Node& node) { return node.name == "control"; };
  for (Node& node : nodes_)
    if (!is_control(node)) node.process.signal(SIGTERM);
  for (Node& node : nodes_)
    if (!is_control(node)) finish(node, left());
  for (Node& node : nodes_)
    if (is_control(node)) {
      node.process.signal(SIGTERM);
      finish(node, kControlLimit);
    }
  nodes_.clear();
  state_.forget();
}

}  // namespace skep::cli
