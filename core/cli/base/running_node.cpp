#include "core/cli/base/running_node.hpp"

#include <poll.h>

#include <algorithm>

#include "core/proc/monotonic.hpp"

namespace skep::cli {
namespace {

constexpr MonoMs kNodeWaitMs = 15'000;
constexpr MonoMs kAnnounceMs = 3'000;
constexpr int kLookMs = 50;

bool lists_all(const json::value& types, const std::vector<std::string>& wanted) {
  const auto known = items_of(types);
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return std::any_of(known.begin(), known.end(),
                       [&](const json::object* type) { return get_string(*type, "name") == name; });
  });
}

}  // namespace

Expected<std::optional<json::value>> ask_running_node(Invocation& call, const std::string& route) {
  auto node = call.node();
  if (!node) return node.error();
  auto answer = node->list(route);
  if (answer) {
    call.console.note("from the running node at " + node->server());
    return std::optional<json::value>(std::move(*answer));
  }
  if (!node->is_unix()) return answer.error();
  call.console.note("read from the files; " + answer.error().error.message);
  return std::optional<json::value>();
}

void await_task_types(Invocation& call, const std::vector<std::string>& names) {
  auto api = call.api();
  if (!api || names.empty()) return;
  const MonoMs end = proc::monotonic_ms() + kAnnounceMs;
  while (proc::monotonic_ms() < end) {
    const auto types = (*api)->get("/api/task-types");
    if (!types || lists_all(*types, names)) return;
    ::poll(nullptr, 0, kLookMs);
  }
}

std::string await_uptake(Invocation& call, const std::string& route,
                         const std::function<std::string(const json::value&)>& verdict,
                         const std::string& advice, const std::string& list_command) {
  const auto to = configured_node(call);
  if (!to) return advice;
  auto node = call.connect(*to);
  if (!node) return advice;
  const MonoMs end = proc::monotonic_ms() + kNodeWaitMs;
  do {
    const auto list = node->get(route);
    if (!list) return advice;
    if (auto said = verdict(*list); !said.empty()) return said;
    ::poll(nullptr, 0, kLookMs);
  } while (proc::monotonic_ms() < end);
  return "the running node has not taken it up yet; see " + list_command;
}

}  // namespace skep::cli
