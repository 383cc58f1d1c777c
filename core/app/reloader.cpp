#include "core/app/reloader.hpp"

#include <algorithm>

#include "core/base/events.hpp"
#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"

namespace skep::app {
namespace {

using config::Change;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;  ///< as load() takes

std::string listed(const std::vector<Change>& changes) {
  std::vector<std::string> out;
  for (const Change& c : changes) out.push_back(c.key + ": " + c.before + " -> " + c.after);
  return join(out, "; ");
}

std::string listed(const std::vector<config::Covered>& covered) {
  std::vector<std::string> out;
  for (const auto& c : covered) out.push_back(c.key + ": " + c.by + " counts, not " + c.value);
  return join(out, "; ");
}

void keep_table(const std::map<std::string, std::string>& before, const std::string& id,
                std::map<std::string, std::string>& tables) {
  if (const auto old = before.find(id); old != before.end())
    tables[id] = old->second;
  else
    tables.erase(id);
}

std::vector<api::ReloadView::Table> views_of(const plugin::Configured& plugins) {
  std::vector<api::ReloadView::Table> out;
  for (const std::string& id : plugins.changed) out.push_back({id, "changed", ""});
  for (const auto& [id, error] : plugins.failed)
    out.push_back({id, error.id() == "needs-restart" ? "restart" : "failed", error.message});
  return out;
}

bool sets_anything(const config::Loaded& loaded) {
  return std::any_of(loaded.origins.begin(), loaded.origins.end(),
                     [](const auto& origin) { return origin.second.kind == config::Layer::kFile; });
}

/// kConfig for a last line without its end, which may be the beginning of another one.
Status check_end(const std::string& path) {
  const auto text = read_file(path, kMaxBytes);
  if (!text || text->empty() || text->back() == '\n') return {};
  return config_error(path +
                      ": the last line has no end; the file may have been cut while it was "
                      "written, and is not taken by itself")
      .with_next("end it with a newline, or, when it is whole: skep node reload");
}

std::string why_waiting(const ReloadReport& r) {
  std::vector<std::string> out;
  if (r.error) out.push_back(r.error->message);
  for (const auto& [id, error] : r.plugins.failed) out.push_back(id + ": " + error.message);
  return out.empty() ? "these keys count at a start only" : join(out, "; ");
}

/// Where each value of `running` comes from, after `next` was read.
std::map<std::string, config::Origin> merged_origins(const config::Loaded& running,
                                                     const config::Loaded& next,
                                                     const std::vector<Change>& kept) {
  auto out = next.origins;
  for (const Change& change : kept) {
    out.erase(change.key);
    if (const auto old = running.origins.find(change.key); old != running.origins.end())
      out.insert(*old);
  }
  return out;
}

}  // namespace

std::vector<api::ConfigChange> views_of(const std::vector<Change>& changes) {
  std::vector<api::ConfigChange> out;
  for (const Change& c : changes) out.push_back({c.key, c.before, c.after});
  return out;
}

api::ReloadView view_of(const ReloadReport& r) {
  api::ReloadView view{r.result,
                       r.trigger,
                       r.at,
                       views_of(r.applied),
                       views_of(r.needs_restart),
                       {},
                       views_of(r.plugins),
                       r.warnings,
                       r.error ? r.error->message : ""};
  for (const auto& c : r.covered) view.covered.push_back({c.key, c.value, c.by});
  return view;
}

Reloader::Reloader(config::Loaded running, config::LoadOptions source, Guards guards)
    : source_(std::move(source)),
      guards_(std::move(guards)),
      latest_(running),
      offered_(running.config.plugins.tables),
      running_(std::move(running)) {}

void Reloader::start(std::vector<Apply> parts) {
  const MutexLock lock(turn_);
  parts_ = std::move(parts);
}

void Reloader::stop() {
  const MutexLock lock(turn_);
  parts_.reset();
}

config::Loaded Reloader::running() const {
  const MutexLock lock(mutex_);
  return running_;
}

std::optional<ReloadReport> Reloader::last() const {
  const MutexLock lock(mutex_);
  return last_;
}

std::vector<Change> Reloader::needs_restart() const {
  const MutexLock lock(mutex_);
  return needs_restart_;
}

ReloadReport Reloader::reload(std::string_view trigger) {
  const MutexLock lock(turn_);
  ReloadReport report = run(trigger);
  const bool says_something = report.result != "unchanged";
  if (says_something) publish(report);
  const MutexLock state(mutex_);
  if (says_something || (last_ && last_->result != "applied")) last_ = report;
  return report;
}

ReloadReport Reloader::run(std::string_view trigger) {
  ReloadReport report;
  report.trigger = trigger;
  report.at = SystemClock().wall_ms();
  report.result = "refused";
  if (!parts_) {
    report.error = unavailable("the node is starting or stopping");
    return report;
  }
  auto next = config::load(source_);
  Status whole = next ? Status() : Status(next.error());
  if (whole && trigger == "file") whole = check_end(source_.path);
  if (whole && sets_anything(latest_) && !sets_anything(*next))
    whole = config_error(source_.path +
                         " sets nothing any more: it was emptied, or is being "
                         "written; the node goes on as configured before")
                .with_next("write it again; only a start takes a file without settings");
  if (!whole) {
    report.error = whole.error();
    return report;
  }
  return take(std::move(*next), std::move(report));
}

/// What a guard leaves for the next start stays in `now` as it was. [trust] comes first: what
/// plugins load for their new tables must pass it.
void Reloader::offer(const config::Config& before, config::Config& now, ReloadReport& report) {
  if (now.trust.policy != before.trust.policy || now.trust.keys != before.trust.keys)
    if (const Status taken = guards_.trust(now); !taken) {
      report.error = taken.error().within("[trust]");
      now.trust = before.trust;
    }
  auto& tables = now.plugins.tables;
  if (tables == before.plugins.tables && tables == offered_) return;
  offered_ = tables;
  auto taken = guards_.plugins(now);
  if (!taken) {
    report.error = taken.error().within("[plugins]");
    tables = before.plugins.tables;
    return;
  }
  report.plugins = std::move(*taken);
  for (const auto& failed : report.plugins.failed)
    keep_table(before.plugins.tables, failed.id, tables);
}

ReloadReport Reloader::take(config::Loaded next, ReloadReport report) {
  const config::Loaded before = running();
  if (const Status fits = guards_.check(before, next); !fits) {
    report.error = fits.error();
    return report;
  }
  config::Config now = config::with_live(before.config, next.config);
  offer(before.config, now, report);
  for (const Apply& apply : *parts_) apply(now);

  report.applied = config::diff(before.config, now);
  report.needs_restart = config::diff(now, next.config);
  report.covered = config::covered_changes(latest_, next);
  report.warnings = next.warnings;
  const bool changed = !report.applied.empty() || !report.covered.empty();
  report.result = !report.needs_restart.empty() ? "partly" : changed ? "applied" : "unchanged";

  config::Loaded after = next;
  after.origins = merged_origins(before, next, report.needs_restart);
  after.config = std::move(now);
  latest_ = std::move(next);
  const MutexLock state(mutex_);
  running_ = std::move(after);
  needs_restart_ = report.needs_restart;
  return report;
}

void Reloader::publish(const ReloadReport& r) const {
  for (const std::string& warning : r.warnings) log::warn("config_warning", {{"warning", warning}});
  if (r.result == "refused")
    return events::publish(log::Level::kError, "config.refused",
                           {{"trigger", r.trigger},
                            {"reason", r.error->message},
                            {"effect", "the configuration stays as it was"}});
  if (!r.applied.empty())
    events::publish(log::Level::kInfo, "config.reloaded",
                    {{"trigger", r.trigger}, {"applied", listed(r.applied)}});
  if (!r.covered.empty())
    events::publish(log::Level::kWarn, "config.refused",
                    {{"trigger", r.trigger},
                     {"covered", listed(r.covered)},
                     {"reason", "variables and flags count more than the file"}});
  if (!r.needs_restart.empty())
    events::publish(log::Level::kWarn, "config.refused",
                    {{"trigger", r.trigger},
                     {"needs_restart", listed(r.needs_restart)},
                     {"reason", why_waiting(r)}});
}

}  // namespace skep::app
