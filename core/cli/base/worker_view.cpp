#include "core/cli/base/worker_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <ostream>

#include "core/cli/base/format.hpp"

namespace skep::cli {
namespace {

const json::object& spool_of(const json::object& w) {
  static const json::object empty;
  const json::value* v = w.if_contains("spool");
  return v != nullptr && v->is_object() ? v->get_object() : empty;
}

// /api/workers/health has a short form of each worker with names of its own.
std::int64_t slots_of(const json::object& w) {
  return get_int(w, "concurrency", get_int(w, "pool_size"));
}
std::int64_t backlog_of(const json::object& w) {
  return get_int(spool_of(w), "ready", get_int(w, "offline_backlog"));
}

/// The names of capabilities that are on, or the names of task types.
std::string names_of(const json::object& w, std::string_view key) {
  std::string out;
  const auto add = [&](std::string_view name) {
    out += (out.empty() ? "" : ",") + std::string(name);
  };
  const json::value* v = w.if_contains(key);
  if (v != nullptr && v->is_object())
    for (const auto& member : v->get_object())
      if (member.value().is_bool() && member.value().get_bool()) add(member.key());
  if (v != nullptr && v->is_array())
    for (const json::value& item : v->get_array()) {
      if (item.is_string()) add(item.get_string());
      if (item.is_object()) add(get_string(item.get_object(), "name"));
    }
  return out.empty() ? "-" : out;
}

/// What it does: one that is there, but was told to pause or to drain, takes nothing.
std::string state_of(const json::object& w) {
  const std::string status = get_string(w, "status");
  const std::string mode = get_string(w, "mode", "active");
  return status == "online" && mode != "active" ? mode : status;
}

/// What is known of one that is silent: its last beat said what it held.
std::string cut_off(const json::object& w) {
  const auto held = backlog_of(w);
  return (held > 0 ? fmt::format("held {} results when last seen; ", held) : "") +
         (get_bool(w, "is_awaited")
              ? "the control plane has just started and waits for it"
              : "gone for good? skep worker remove " + get_string(w, "worker_id"));
}

std::string note_of(const json::object& w) {
  const json::object& spool = spool_of(w);
  std::vector<std::string> notes;
  if (const auto n = get_int(spool, "quarantined"); n > 0)
    notes.push_back(fmt::format("{} quarantined", n));
  if (const auto n = get_int(spool, "rejected"); n > 0)
    notes.push_back(fmt::format("{} rejected", n));
  if (get_bool(spool, "degraded")) notes.emplace_back("spool is full or failing");
  for (std::string& trouble : texts_of(w, "troubles")) notes.push_back(std::move(trouble));
  const std::string mode = get_string(w, "mode");
  if (!mode.empty() && mode != "active" && mode != state_of(w)) notes.push_back(mode);
  const std::string status = get_string(w, "status");
  if (status == "offline" || status == "stale") notes.push_back(cut_off(w));
  std::string out;
  for (const std::string& n : notes) out += (out.empty() ? "" : "; ") + n;
  return out;
}

std::string seen_of(const json::object& w, WallMs now) {
  const std::string at = get_string(w, "last_seen_at");
  return human_age(at.empty() ? get_string(w, "last_seen") : at, now);
}

}  // namespace

std::vector<Column> worker_columns(WallMs now) {
  return {
      text_column("ID", "worker_id"),
      text_column("SITE", "site", false, Fit::kCut),
      {"STATE", [](const json::object& w) { return status_cell(state_of(w)); }},
      {"SEEN", [now](const json::object& w) { return Cell(seen_of(w, now)); }},
      {"TASKS",
       [](const json::object& w) {
         return Cell(fmt::format("{}/{}", get_int(w, "busy"), slots_of(w)));
       }},
      {"SPOOL", [](const json::object& w) { return Cell(std::to_string(backlog_of(w))); }},
      text_column("MODE", "mode", true),
      text_column("HOST", "host", true),
      {"PID", [](const json::object& w) { return Cell(get_raw(w, "pid", "-")); }, true},
      {"RSS", [](const json::object& w) { return Cell(human_bytes(get_int(w, "rss_bytes"))); },
       true},
      text_column("VERSION", "version", true),
      {"CAPABILITIES", [](const json::object& w) { return Cell(names_of(w, "capabilities")); },
       true},
      {"TYPES", [](const json::object& w) { return Cell(names_of(w, "types")); }, true},
      {"NOTE", [](const json::object& w) { return Cell(note_of(w)); }, false, Fit::kBelow},
  };
}

std::string worker_totals(const std::vector<const json::object*>& workers) {
  std::map<std::string, int> other;
  for (const json::object* w : workers)
    if (const std::string state = state_of(*w); state != "online") ++other[state];
  std::string out = fmt::format("{} worker{}", workers.size(), workers.size() == 1 ? "" : "s");
  for (const auto& [state, count] : other) out += fmt::format(", {} {}", count, state);
  return out;
}

void print_worker(const Console& c, const json::object& w) {
  const WallMs now = c.now_ms();
  for (const Column& column : worker_columns(now)) {
    std::string title = column.title;
    std::transform(title.begin(), title.end(), title.begin(),
                   [](unsigned char ch) { return static_cast<char>(std::tolower(ch)); });
    const Cell cell = column.cell(w);
    if (cell.text.empty()) continue;
    const std::string text = printable(cell.text);
    c.out << fmt::format("{:<14}", title) << (cell.styled ? c.paint(cell.style, text) : text)
          << '\n';
  }
  const json::object& spool = spool_of(w);
  c.out << fmt::format("{:<14}", "waiting") << get_int(w, "waiting") << '\n';
  c.out << fmt::format("{:<14}{} ready, {}, {} quarantined, {} rejected{}\n", "spool detail",
                       get_int(spool, "ready"), human_bytes(get_int(spool, "bytes")),
                       get_int(spool, "quarantined"), get_int(spool, "rejected"),
                       get_bool(spool, "degraded") ? ", degraded" : "");
}

}  // namespace skep::cli
