#include "core/cli/base/follow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <ostream>

#include "core/api/wire_parts.hpp"
#include "core/base/json.hpp"
#include "core/cli/base/absence.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/interrupt.hpp"
#include "core/cli/base/task_view.hpp"
#include "core/cli/base/terminal_text.hpp"

namespace skep::cli {
namespace {

/// Of the first request, in seconds; a task that is queued until then is explained.
constexpr int kFirstWait = 4;

/// How long the next request may wait at the server.
class Patience {
 public:
  Patience(const Clock& clock, Millis limit)
      : clock_(clock), limit_(limit), end_(clock.mono_ms() + limit.count()) {}

  /// At most `most`, at least 1 s; nothing when the time is up.
  std::optional<int> next(int most) const {
    if (left().count() <= 0) return std::nullopt;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(left()).count();
    return static_cast<int>(std::min<std::int64_t>(most, seconds));
  }
  Millis left() const { return limit_.count() == 0 ? kEver : Millis{end_ - clock_.mono_ms()}; }

 private:
  static constexpr Millis kEver = std::chrono::hours(24 * 365);
  const Clock& clock_;
  Millis limit_;
  MonoMs end_;
};

Failure time_is_up(const std::string& id) {
  return Error{Code::kDeadline, "task " + id + " has not ended in the time given"};
}

/// Nothing of a task that does not wait.
void explain_wait(Client& api, const Console& c, const std::string& id) {
  const auto why = api.get(task_path(id, "/explain"));
  // The wait goes on either way; a control plane that is gone shows at the next poll.
  if (!why) return;
  const json::object& o = why->get_object();
  if (get_string(o, "status") != "queued") return;
  c.note("waiting: " + get_string(o, "summary"));
  if (const std::string next = get_string(o, "next"); !next.empty()) c.note("  next:  " + next);
}

/// {"permille":425,"note":"copying"} as "42.5 % copying".
std::string progress_words(const std::string& text) {
  const auto said = parse_json(text);
  if (!said || !said->is_object()) return text;
  const double percent = get_double(said->get_object(), "permille") / 10;
  return fmt::format("{:g} % {}", percent, get_string(said->get_object(), "note"));
}

}  // namespace

std::string task_path(const std::string& id, std::string_view rest) {
  return "/api/tasks/" + encode_part(id) + std::string(rest);
}

Expected<bool> read_logs(Client& api, const Console& c, const std::string& id, bool follow,
                         Millis limit, const OnLine& on_line) {
  const Patience patience(c.clock(), limit);
  Absence absence(api, c);
  std::string cursor;
  for (int most = kFirstWait;; most = 20) {
    if (interrupted()) return Failure(interruption());
    const auto wait = patience.next(most);
    if (!wait) return time_is_up(id);
    const auto page =
        api.list(with_query(task_path(id, "/logs"),
                            {{"after", cursor}, {"wait", follow ? std::to_string(*wait) : ""}}),
                 std::chrono::seconds(follow ? *wait : 0));
    if (!page && follow && absence.bear(page.error(), patience.left())) continue;
    if (!page) return page.error();
    const auto items = items_of(*page);
    for (const json::object* item : items)
      if (!on_line({get_int(*item, "attempt"), get_string(*item, "stream"),
                    skep::api::output_of(*item)}))
        return true;
    const json::object& top = page->get_object();
    if (get_bool(top, "ended")) return true;
    if (!follow && items.empty()) return false;
    if (most == kFirstWait && items.empty()) explain_wait(api, c, id);
    std::string next = get_string(top, "next_cursor");
    if (!follow && (next.empty() || next == cursor)) return false;
    if (!next.empty()) cursor = std::move(next);
  }
}

OnLine line_printer(const Console& c, bool raw) {
  struct Printer {
    Printer(const Console& console, bool as_is) : output(console, as_is) {}
    ScriptOutput output;
    std::int64_t attempt = 1;
  };
  const auto p = std::make_shared<Printer>(c, raw);
  return [&c, p](const LogLine& line) {
    if (line.attempt > p->attempt) {
      p->attempt = line.attempt;
      p->output.mark(fmt::format("--- attempt {}", line.attempt));
    }
    if (line.stream == "stdout")
      p->output.out(line.text);
    else if (line.stream == "stderr")
      p->output.err(line.text);
    else if (line.stream == "progress")
      p->output.mark(progress_words(line.text));
    else
      p->output.mark("log: " + line.text);
    return c.out.good();  // a reader that went away ends it
  };
}

Expected<json::value> wait_for_end(Client& api, const Console& c, const std::string& id,
                                   Millis limit) {
  const Patience patience(c.clock(), limit);
  Absence absence(api, c);
  for (int most = kFirstWait; !interrupted(); most = 30) {
    const auto wait = patience.next(most);
    if (!wait) return time_is_up(id);
    auto task = api.get(with_query(task_path(id), {{"wait", std::to_string(*wait)}}),
                        std::chrono::seconds(*wait));
    if (!task && absence.bear(task.error(), patience.left())) continue;
    if (!task) return task.error();
    if (is_over(get_string(task->get_object(), "status"))) return std::move(*task);
    if (most == kFirstWait) explain_wait(api, c, id);
  }
  return Failure(interruption());
}

Failure detached(Failure failure, const std::string& id, bool accepted) {
  Error& error = failure.error;
  const bool cancelled = error.code == Code::kCancelled;
  const bool late = error.code == Code::kDeadline;
  const bool unheard = cancelled || late || error.id() == "unreachable";
  if (error.code == Code::kNotFound || !(accepted || unheard)) return failure;
  const std::string ways = "skep task logs " + id + " -f     # look again\nskep task cancel " + id +
                           "      # or stop it";
  if (cancelled) error.message = "interrupted";
  if (cancelled || (accepted && !late)) error.message += "; task " + id + " goes on";
  error.next = cancelled || late || error.next.empty() ? ways : error.next + "\n" + ways;
  failure.problem.clear();  // it says less
  return failure;
}

}  // namespace skep::cli
