#include "core/app/node_metrics.hpp"

#include <algorithm>

#include "core/api/metric_snapshot.hpp"
#include "core/base/log_writer.hpp"
#include "core/base/version.hpp"

namespace skep::app {
namespace {

using api::Snapshot;

/// An older version serves in its place.
bool stands_behind(const plugin::PluginInfo& p) {
  return p.state == plugin::PluginState::kLoaded && !p.failed_sha256.empty();
}
bool stands_behind(const plugin::ScriptInfo& s) {
  using enum plugin::ScriptState;
  return (s.state == kFailed || s.state == kRolledBack) &&
         std::any_of(s.generations.begin(), s.generations.end(),
                     [](const auto& g) { return serves(g.state); });
}

/// Generations by state, and the calls inside them.
struct Books {
  Snapshot generations{"skep_plugin_generations",
                       "Loaded versions of plugins and scripts that are kept, by state."};
  Snapshot leases{"skep_plugin_leases", "Calls inside the generations of a plugin or script."};

  void add(const std::string& kind, const std::string& name,
           const std::vector<plugin::GenerationInfo>& all) {
    std::map<std::string, int> states;
    std::int64_t inside = 0;
    for (const plugin::GenerationInfo& g : all) {
      ++states[std::string(public_word(g.state))];
      inside += g.inside;
    }
    for (const auto& [state, count] : states)
      generations.add(count, {{"kind", kind}, {"name", name}, {"state", state}});
    if (!all.empty()) leases.add(static_cast<double>(inside), {{"kind", kind}, {"name", name}});
  }
};

}  // namespace

std::string node_metrics(const std::vector<api::Health::Check>& checks,
                         const std::vector<plugin::PluginInfo>& plugins,
                         const std::vector<plugin::ScriptInfo>& scripts,
                         const std::map<std::string, std::uint64_t>& events) {
  Books books;
  Snapshot behind("skep_plugin_newest_refused",
                  "1 while an older version serves, as the newest file was refused.");
  Snapshot files("skep_plugin_files", "Plugins and scripts by what the node made of their files.");
  std::map<std::pair<std::string, std::string>, int> by_state;
  for (const auto& p : plugins) {
    ++by_state[{"plugin", std::string(to_string(p.state))}];
    books.add("plugin", p.id, p.generations);
    if (stands_behind(p)) behind.add(1, {{"kind", "plugin"}, {"name", p.id}});
  }
  for (const auto& s : scripts) {
    ++by_state[{"script", std::string(to_string(s.state))}];
    books.add("script", s.name, s.generations);
    if (stands_behind(s)) behind.add(1, {{"kind", "script"}, {"name", s.name}});
  }
  for (const auto& [key, count] : by_state)
    files.add(count, {{"kind", key.first}, {"state", key.second}});
  Snapshot happened("skep_node_events_total", "Events of this node since it started, by name.",
                    prometheus::MetricType::Counter);
  for (const auto& [name, count] : events)
    happened.add(static_cast<double>(count), {{"event", name}});
  Snapshot unread("skep_log_lines_dropped_total",
                  "Lines of log that were left out because nobody read the ones before.",
                  prometheus::MetricType::Counter);
  unread.add(static_cast<double>(log::dropped_lines()), {});
  Snapshot build("skep_build_info", "The version of this binary.");
  build.add(1, {{"version", kVersion}});
  std::vector<prometheus::MetricFamily> families;
  for (Snapshot* s :
       {&build, &files, &behind, &books.generations, &books.leases, &happened, &unread})
    families.push_back(s->take());
  families.push_back(api::check_gauges(checks));
  for (auto& figures : api::plugin_figures()) families.push_back(std::move(figures));
  return api::render(std::move(families));
}

}  // namespace skep::app
