#include "core/api/worker_json.hpp"

namespace skep::api {
namespace {

void write(JsonOut& out, const WorkerView& w) {
  const Beat& b = w.beat;
  out.object().key("worker_id").str(w.profile.id).key("site").str(w.profile.site);
  out.key("status").str(to_string(w.presence));
  out.key("mode").str(to_string(w.mode));
  out.key("last_seen").time_or_null(w.last_seen_ms);
  out.key("last_seen_at").time_or_null(w.last_seen_ms);
  out.key("last_seen_seconds_ago").number(static_cast<double>(w.now - w.last_seen_ms) / 1000);
  out.key("is_stale").boolean(w.presence == Presence::kStale);
  out.key("is_awaited").boolean(w.is_awaited);
  out.key("registered_at").time_or_null(w.registered_ms).key("capabilities").object();
  for (const auto& [name, on] : w.about.capabilities) out.key(name).boolean(on);
  out.end_object().key("concurrency").integer(w.about.concurrency);
  out.key("batch_size").integer(w.about.batch_size);
  out.key("heartbeats").integer(b.seq);
  out.key("busy").integer(b.busy).key("waiting").integer(b.waiting);
  out.key("errors_total").integer(b.errors_total).key("rss_bytes").integer(b.rss_bytes);
  out.key("clock_skew_seconds").number(static_cast<double>(w.skew_ms) / 1000);
  out.key("spool").object().key("ready").integer(b.spool_ready);
  out.key("bytes").integer(b.spool_bytes).key("quarantined").integer(b.spool_quarantined);
  out.key("rejected").integer(b.spool_rejected).key("degraded").boolean(b.spool_degraded);
  out.key("oldest_at").time_or_null(b.spool_oldest_ms).end_object();
  out.key("troubles").array();
  for (const std::string& trouble : w.troubles) out.str(trouble);
  out.end_array();
  out.key("version").str(w.about.version).key("host").str(w.about.host);
  out.key("pid").integer(w.about.pid).key("incarnation").str(w.profile.incarnation);
  out.key("types").array();
  for (const auto& type : w.about.types) out.str(type.name);
  out.end_array().end_object();
}

}  // namespace

std::string_view to_string(Presence p) {
  switch (p) {
    case Presence::kOnline:
      return "online";
    case Presence::kLate:
      return "late";
    case Presence::kOffline:
      return "offline";
    case Presence::kStale:
      return "stale";
    case Presence::kStopped:
      return "stopped";
  }
  return "stale";
}

std::string presence_shape() {
  return shape::word({"online", "late", "offline", "stale", "stopped"});
}

std::string encode(const WorkerView& w) {
  JsonOut out;
  write(out, w);
  return out.take();
}

std::string encode(std::span<const WorkerView> workers) {
  JsonOut out;
  out.object().key("items").array();
  for (const WorkerView& w : workers) write(out, w);
  return out.end_array().key("next_cursor").null().end_object().take();
}

std::string encode_removed(std::string_view worker_id) {
  JsonOut out;
  out.object().key("worker_id").str(worker_id).key("status").str("removed").end_object();
  return out.take();
}

Documents worker_documents() {
  using namespace shape;
  return {
      {"Worker",
       answer({{"worker_id", kText},
               {"site", kText},
               {"status", presence_shape()},
               {"mode", told(word({"active", "paused", "draining"}), "What is wanted of it.")},
               {"last_seen", kTimeOrNull},
               {"last_seen_at", kTimeOrNull},
               {"last_seen_seconds_ago", kReal},
               {"is_stale", kBool},
               {"is_awaited", told(kBool, "Silent, but we have just started.")},
               {"registered_at", kTimeOrNull},
               {"capabilities", map(kBool)},
               {"concurrency", kInt},
               {"batch_size", kInt},
               {"heartbeats", kInt},
               {"busy", told(kInt, "Attempts that run.")},
               {"waiting", told(kInt, "Claimed, not started.")},
               {"errors_total", kInt},
               {"rss_bytes", kInt},
               {"clock_skew_seconds", told(kReal, "Its clock minus ours.")},
               {"spool", answer({{"ready", kInt},
                                 {"bytes", kInt},
                                 {"quarantined", kInt},
                                 {"rejected", kInt},
                                 {"degraded", kBool},
                                 {"oldest_at", kTimeOrNull}})},
               {"troubles", told(kTexts, "What is wrong there: no tasks, or none of a type.")},
               {"version", kText},
               {"host", kText},
               {"pid", kInt},
               {"incarnation", kText},
               {"types", told(kTexts, "Task types that it runs.")}})},
      {"WorkerList", page("Worker")},
      {"RemovedWorker", answer({{"worker_id", kText}, {"status", word({"removed"})}})},
  };
}

}  // namespace skep::api
