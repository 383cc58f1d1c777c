#include "core/app/event_kinds.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "core/base/events.hpp"
#include "core/base/text.hpp"
#include "core/control/events/config.hpp"

namespace skep::app {
namespace {

// tests/lint/events.sh compares them with docs/reference/events.md.
constexpr std::array<std::string_view, 25> kOfNodes{
    "plugin.staged",    "plugin.verified",    "plugin.active",      "plugin.draining",
    "plugin.retired",   "plugin.zombie",      "plugin.failed",      "plugin.quarantined",
    "plugin.hangs",     "plugin.answers",     "plugin.rolled_back", "plugin.late_call",
    "plugin.last_good", "script.last_good",   "script.active",      "script.draining",
    "script.retired",   "script.rolled_back", "script.failed",      "script.shadowed",
    "script.removed",   "config.reloaded",    "config.refused",     "worker.cut_off",
    "worker.delivered"};
constexpr std::array<std::string_view, 1> kOfControlNodes{"release.failed"};

bool is_one(const std::string& pattern, std::span<const std::string_view> kinds) {
  return std::any_of(kinds.begin(), kinds.end(), [&](std::string_view kind) {
    return events::matches({&pattern, 1}, kind);
  });
}

Error no_such_kind(const std::string& pattern) {
  std::vector<std::string> known(kOfNodes.begin(), kOfNodes.end());
  known.insert(known.end(), kOfControlNodes.begin(), kOfControlNodes.end());
  for (const std::string_view kind : control::event_kinds()) known.emplace_back(kind);
  return invalid("kind: no event is called \"" + pattern + "\"; " + suggestion(pattern, known))
      .named("bad-query");
}

Error of_others(const std::string& pattern) {
  return invalid("kind: \"" + pattern +
                 "\" never comes from here: these are the events of one node, and a control plane "
                 "has those of tasks, workers and releases")
      .named("bad-query")
      .with_next("skep events --server URL   or   GET /api/events of the control plane");
}

Error not_kept(const std::string& pattern) {
  return invalid("kind: \"" + pattern + "\" never comes: [control] events leaves it out")
      .named("bad-query")
      .with_next(
          "add it to [control] events, which is live; what was kept before is in skep events "
          "without --kind");
}

bool is_kept(const std::string& pattern, std::span<const std::string> kept) {
  const auto kinds = control::event_kinds();
  return std::any_of(kinds.begin(), kinds.end(), [&](std::string_view kind) {
    return events::matches({&pattern, 1}, kind) && events::matches(kept, kind);
  });
}

}  // namespace

Status check_kinds(std::span<const std::string> patterns, EventSource source,
                   std::span<const std::string> kept) {
  for (const std::string& pattern : patterns) {
    if (pattern.starts_with('!') || is_one(pattern, kOfNodes)) continue;
    const bool of_control = is_one(pattern, kOfControlNodes);
    const bool durable = is_one(pattern, control::event_kinds());
    if (!of_control && !durable) return no_such_kind(pattern);
    if (source == EventSource::kControlPlane && !of_control && !is_kept(pattern, kept))
      return not_kept(pattern);
    if (source == EventSource::kControlPlane) continue;
    if (source == EventSource::kWorker || !of_control) return of_others(pattern);
  }
  return {};
}

}  // namespace skep::app
