#include "core/cli/up/nodes.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/base/text.hpp"
#include "core/cli/base/destination.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/cli/base/output.hpp"
#include "core/proc/monotonic.hpp"
#include "core/supervise/log_file.hpp"

namespace skep::cli {
namespace {

constexpr Millis kPoll{100};
constexpr Millis kControlLimit{10'000};

bool has_docker_socket() {
  struct stat st {};
  return ::stat("/var/run/docker.sock", &st) == 0 && S_ISSOCK(st.st_mode);
}

}  // namespace

std::vector<std::string> log_lines(const supervise::StateFolder& state, const std::string& node,
                                   std::size_t count) {
  const std::string text = supervise::last_lines_of(state.log_path(node), count);
  std::vector<std::string> lines = split(printable(text, true), '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

UpNodes::UpNodes(UpOptions options, supervise::StateFolder& state, const Console& console,
                 Transport transport)
    : options_(std::move(options)),
      state_(state),
      console_(console),
      transport_(std::move(transport)) {}

Status UpNodes::record() const {
  const auto us = supervise::identify(::getpid());
  if (!us) return us.error();
  auto nodes = nodes_.processes();
  if (!nodes) return nodes.error();
  return state_.write({*us, url_, ready_, std::move(*nodes)});
}

Status UpNodes::spawn(const std::string& name, const std::string& toml) {
  supervise::NodeSpec spec{
      name, {options_.program, "start", "-c", toml}, {}, state_.log_path(name)};
  for (const auto& [key, value] : options_.environment)
    spec.env.push_back(fmt::format("{}={}", key, value));
  SKEP_TRY(nodes_.start(spec));
  return record();
}

Failure UpNodes::ended(const supervise::EndedNode& node) const {
  Error error{Code::kInternal,
              fmt::format("node {} {}", node.name, supervise::exit_words(node.exit)), "node-ended",
              "less " + state_.log_path(node.name) + "\nskep start -c " +
                  state_.path(node.name + ".toml") + "     # start it again, in another terminal"};
  return {std::move(error), {}, log_lines(state_, node.name, 12)};
}

Expected<void> UpNodes::still_waiting(std::string_view what, MonoMs until) {
  if (interrupted()) return Failure(interruption());
  // The pause between two questions ends early when there is news.
  if (const auto node = nodes_.wait(kPoll)) return ended(*node);
  if (proc::monotonic_ms() > until)
    return Failure(Error{Code::kDeadline, fmt::format("{} after {}", what,
                                                      human_duration(options_.start_limit.count()))}
                       .with_next("less " + shell_word(state_.folder()) + "/*.log"));
  return {};
}

Expected<std::string> UpNodes::wait_for_control() {
  const MonoMs until = proc::monotonic_ms() + options_.start_limit.count();
  for (;;) {
    if (const std::string url = first_endpoint(state_.path(kControl)); !url.empty()) {
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
bool UpNodes::is_online(const std::string& site, const json::value& workers) const {
  for (const json::object* w : items_of(workers))
    if (get_string(*w, "worker_id") == worker_id_of(site))
      return get_string(*w, "status") == "online" && get_int(*w, "pid") == nodes_.pid_of(site);
  return false;
}

Expected<bool> UpNodes::wait_for_workers(Client& api) {
  const MonoMs until = proc::monotonic_ms() + options_.start_limit.count();
  const std::size_t wanted = options_.plan.sites.size();
  std::set<std::string> seen;
  for (;;) {
    const auto workers = api.get("/api/workers");
    if (workers) {
      for (const std::string& site : options_.plan.sites)
        if (is_online(site, *workers) && seen.insert(site).second)
          console_.note(fmt::format("worker   {} at {}", worker_id_of(site), site));
    }
    if (seen.size() == wanted) return true;
    SKEP_TRY(still_waiting(fmt::format("{} of {} workers are online", seen.size(), wanted), until));
  }
}

Expected<std::string> UpNodes::start() {
  std::error_code ignored;  // a stale file that stays fails the /readyz check below
  std::filesystem::remove(state_.path(kControl) + "/endpoints", ignored);
  auto control_toml = write_control_toml(state_, options_.plan);
  if (!control_toml) return control_toml.error();
  SKEP_TRY(spawn(kControl, *control_toml));
  auto url = wait_for_control();
  if (!url) return url.error();
  url_ = *url;
  console_.note("control  " + url_);

  const bool docker = has_docker_socket();
  for (std::size_t i = 0; i < options_.plan.sites.size(); ++i) {
    const std::string& site = options_.plan.sites[i];
    // The third site shows a place without Docker.
    auto toml = write_site_toml(state_, site, url_, docker && i != 2);
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

bool UpNodes::watch() {
  while (!interrupted() && !nodes_.empty()) {
    const auto node = nodes_.wait(kPoll);
    if (!node) continue;
    print_failure(console_, ended(*node));
    if (const auto written = record(); !written) console_.note(written.error().message);
  }
  return interrupted();
}

void UpNodes::stop(const std::vector<std::string>& names, Millis grace) {
  for (const std::string& name : nodes_.stop(names, grace))
    console_.note(fmt::format("{} did not end within {} and was killed", name,
                              human_duration(grace.count())));
}

void UpNodes::stop() {
  stop(options_.plan.sites, options_.drain_limit);
  stop({kControl}, kControlLimit);
  state_.forget();
}

}  // namespace skep::cli
