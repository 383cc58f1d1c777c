#include "core/cli/registry/rollout_wait.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "core/cli/base/absence.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/next_command.hpp"
#include "core/cli/base/output.hpp"

namespace skep::cli {
namespace {

constexpr Millis kPause{200};
constexpr int kNotRunning = 9;

struct Progress {
  std::map<std::string, int> states;  ///< of online workers
  int away = 0;
  std::string trouble;

  int count(const std::string& state) const {
    const auto at = states.find(state);
    return at == states.end() ? 0 : at->second;
  }
  int online() const {
    int n = 0;
    for (const auto& [state, count] : states) n += count;
    return n;
  }
  bool complete() const { return online() > 0 && count("active") == online(); }
  std::string words() const {
    std::string out =
        online() == 0 ? std::string("no worker that it is meant for is online")
                      : fmt::format("{} of {} online workers run it", count("active"), online());
    if (count("fetched") > 0) out += fmt::format(", {} have fetched it", count("fetched"));
    if (away > 0) out += fmt::format(", {} away", away);
    return out;
  }
};

Progress progress_of(const json::value& document, std::int64_t release) {
  Progress p;
  const json::object& top = document.get_object();
  for (const json::object* r : objects_of(top, "releases"))
    if (get_int(*r, "release") == release && get_string(*r, "state") == "rolled_back")
      p.trouble = "it was rolled back: " + get_string(*r, "reason");
  for (const json::object* w : objects_of(top, "workers")) {
    if (get_int(*w, "release") != release) continue;
    const std::string presence = get_string(*w, "status");
    if (presence != "online" && presence != "late") {
      ++p.away;
      continue;
    }
    const std::string state = get_string(*w, "state");
    ++p.states[state];
    if (state == "failed" && p.trouble.empty())
      p.trouble = "worker " + get_string(*w, "worker_id") + ": " + get_string(*w, "reason");
  }
  return p;
}

}  // namespace

std::string release_path(const std::string& name, std::string_view rest) {
  return "/api/registry/releases/" + encode_part(name) + std::string(rest);
}

Expected<json::value> wait_for_rollout(Client& api, const Console& console, const std::string& name,
                                       std::int64_t release, Millis limit) {
  Clock& clock = console.clock();
  const MonoMs until = clock.mono_ms() + limit.count();
  const auto left = [&] {
    return limit.count() > 0 ? Millis{until - clock.mono_ms()} : Millis::max();
  };
  Absence absence(api, console);
  std::string said = "not known yet";
  for (;;) {
    if (interrupted())
      return Failure(Error{Code::kCancelled, "interrupted; the rollout goes on", "interrupted",
                           "skep registry show " + shell_word(name)});
    const auto document = api.get(release_path(name));
    const bool is_late = left().count() <= 0;
    if (!document && !is_late && absence.bear(document.error(), left())) continue;
    if (!document && !is_late) return document;
    if (document) {
      const Progress p = progress_of(*document, release);
      if (!p.trouble.empty())
        return Failure(Error{Code::kFailed, name + ": " + printable(p.trouble), "rollout-failed",
                             "skep registry show " + shell_word(name)});
      if (p.words() != said) console.note(said = p.words());
      if (p.complete()) return document;
    }
    if (is_late)
      return Failure(Error{Code::kDeadline, name + ": " + said + " when the time was up", "",
                           "skep registry show " + shell_word(name) +
                               "   or, as it stays published, skep registry withdraw " +
                               shell_word(name)});
    sleep_or_interrupt(clock, std::min(kPause, left()));
  }
}

Expected<int> exit_with_rollout(Client& api, const Console& console, const std::string& name,
                                std::int64_t release, Millis limit) {
  const auto done = wait_for_rollout(api, console, name, release, limit);
  if (done) return 0;
  if (done.error().error.code != Code::kFailed) return done.error();
  print_failure(console, done.error());
  return kNotRunning;
}

}  // namespace skep::cli
