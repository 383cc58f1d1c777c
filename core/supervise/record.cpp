#include "core/supervise/record.hpp"

#include <boost/json.hpp>

#include "core/base/json.hpp"

namespace skep::supervise {
namespace {

constexpr Millis kSupervisorLimit{60'000};  // its nodes finish what they run
constexpr Millis kOrphanLimit{10'000};

void append_process(JsonOut& out, const ProcessId& id) {
  out.key("pid").integer(id.pid).key("started").integer(static_cast<std::int64_t>(id.started));
}

bool is_process(const json::object& o) {
  const json::value* pid = o.if_contains("pid");
  const json::value* started = o.if_contains("started");
  return pid != nullptr && pid->is_int64() && started != nullptr && started->is_int64();
}

bool is_record(const json::object& o) {
  const json::value* url = o.if_contains("url");
  const json::value* ready = o.if_contains("ready");
  const json::value* nodes = o.if_contains("nodes");
  return is_process(o) && url != nullptr && url->is_string() && ready != nullptr &&
         ready->is_bool() && nodes != nullptr && nodes->is_array();
}

ProcessId process_of(const json::object& o) {
  return {static_cast<pid_t>(get_int(o, "pid")), static_cast<std::uint64_t>(get_int(o, "started"))};
}

}  // namespace

std::string record_text(const Record& record) {
  JsonOut out;
  out.object();
  append_process(out, record.supervisor);
  out.key("url").str(record.url).key("ready").boolean(record.ready).key("nodes").array();
  for (const auto& [name, id] : record.nodes) {
    out.object().key("name").str(name);
    append_process(out, id);
    out.end_object();
  }
  return out.end_array().end_object().take() + "\n";
}

std::optional<Record> parse_record(const std::string& text) {
  const auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object() || !is_record(parsed->get_object())) return std::nullopt;
  const json::object& o = parsed->get_object();
  Record out{process_of(o), get_string(o, "url"), get_bool(o, "ready"), {}};
  for (const json::value& node : o.at("nodes").get_array())
    if (node.is_object())
      out.nodes.emplace_back(get_string(node.get_object(), "name"), process_of(node.get_object()));
  return out;
}

Result<bool> end_recorded(const Record& record,
                          const std::function<void(const std::string& node)>& on_orphan) {
  const auto supervisor = is_alive(record.supervisor);
  if (!supervisor) return supervisor.error();
  bool found = *supervisor;
  if (found) {
    const auto ended = end_process(record.supervisor, kSupervisorLimit);
    if (!ended) return ended.error();
  }
  for (const auto& [name, id] : record.nodes) {
    const auto alive = is_alive(id);
    if (!alive) return alive.error();
    if (!*alive) continue;
    found = true;
    on_orphan(name);
    if (const auto ended = end_process(id, kOrphanLimit); !ended) return ended.error();
  }
  return found;
}

}  // namespace skep::supervise
