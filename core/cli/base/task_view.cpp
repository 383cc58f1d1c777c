#include "core/cli/base/task_view.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ostream>

#include "core/base/text.hpp"
#include "core/cli/base/facts_table.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/next_command.hpp"

namespace skep::cli {
namespace {

const json::object* object_of(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  return v == nullptr ? nullptr : v->if_object();
}

std::string error_text(const json::object& task) {
  const json::object* error = object_of(task, "error");
  return error == nullptr ? std::string() : get_string(*error, "message");
}

std::string duration_text(const json::object& task) {
  const json::value* v = task.if_contains("duration_ms");
  return v == nullptr || !v->is_number() ? "-" : human_duration(get_int(task, "duration_ms"));
}

void print_stream(const Console& c, const json::object& result, std::string_view name) {
  const std::string text = get_string(result, name);
  if (text.empty()) return;
  c.out << c.paint(Style::kBold, name) << '\n' << indented(printable(text, true), "  ");
}

constexpr std::size_t kMostLines = 40;

/// The beginning of a document, and how to get the whole.
void print_beginning(const Console& c, const json::value& document, const std::string& id) {
  const std::vector<std::string> lines = split(pretty(document), '\n');
  for (std::size_t i = 0; i < lines.size() && i < kMostLines; ++i) c.out << lines[i] << '\n';
  if (lines.size() > kMostLines)
    c.out << c.paint(
                 Style::kDim,
                 fmt::format("and {} more lines: {}", lines.size() - kMostLines,
                             with_place("skep task show " + printable(id) + " -o json", c.place)))
          << '\n';
}

/// Facts in a row, a script's result, or any other document as JSON.
void print_result_document(const Console& c, const json::object& task, const json::value& result,
                           bool streams) {
  const std::string id = get_string(task, "id");
  if (has_facts(result)) {
    print_facts_table(c, {json::value(task)});
    c.out << c.paint(Style::kDim,
                     "all facts: " +
                         with_place("skep task show " + printable(id) + " -o json", c.place))
          << '\n';
    return;
  }
  const json::object* o = result.if_object();
  if (o == nullptr || !o->contains("exit_code")) return print_beginning(c, result, id);
  const std::string signal = get_string(*o, "signal");
  c.out << c.paint(Style::kBold, "exit code") << "  "
        << (signal.empty() ? std::to_string(get_int(*o, "exit_code", -1))
                           : "none, ended by " + printable(signal))
        << '\n';
  if (!streams) return;
  print_stream(c, *o, "stdout");
  print_stream(c, *o, "stderr");
  if (get_bool(*o, "truncated")) c.out << c.paint(Style::kWarn, "output was truncated") << '\n';
}

void print_field(const Console& c, std::string_view name, const std::string& value) {
  if (!value.empty()) c.out << fmt::format("{:<14}", name) << printable(value) << '\n';
}

std::string seconds_text(const json::object& task) {
  const json::value* v = task.if_contains("timeout_seconds");
  return v == nullptr || !v->is_number()
             ? std::string()
             : fmt::format("{:g}s", get_double(task, "timeout_seconds"));
}

/// Not the attempt's number: what a drain handed back used no try.
std::int64_t tries_of(const json::object& task) {
  return get_int(task, "tries_used", get_int(task, "attempt"));
}

void print_attempts(const Console& c, const json::object& task) {
  const json::value* v = task.if_contains("attempts");
  if (v == nullptr || !v->is_array() || v->get_array().size() < 2) return;
  c.out << c.paint(Style::kBold, "attempts") << '\n';
  for (const json::value& item : v->get_array()) {
    if (!item.is_object()) continue;
    const json::object& a = item.get_object();
    c.out << fmt::format("  {}  {}  {}  {}\n", get_int(a, "attempt"),
                         printable(get_string(a, "worker_id")),
                         or_dash(printable(get_string(a, "outcome"))), printable(error_text(a)));
  }
}

/// The worker that has or had it, else where it must run.
std::string place_of(const json::object& task) {
  const std::string worker = get_string(task, "worker_id");
  const std::string site = get_string(task, "site");
  return !worker.empty() || site.empty() ? or_dash(worker) : "at " + site;
}

std::string note_of(const json::object& task, WallMs now) {
  const std::string word = status_word(task);
  const std::string error = error_text(task);
  if (word != "scheduled" && word != "retrying") return error;
  const std::string next = "starts " + human_age(get_string(task, "run_at"), now);
  return error.empty() ? next : next + "; " + error;
}

}  // namespace

bool is_over(const std::string& status) {
  return status == "succeeded" || status == "failed" || status == "cancelled" || status == "dead";
}

std::string status_word(const json::object& task) {
  const std::string state = get_string(task, "state");
  if (state == "scheduled") return "scheduled";
  return state == "retry_wait" ? "retrying" : get_string(task, "status");
}

std::vector<Column> task_columns(WallMs now, std::size_t id_width) {
  return {
      {"ID",
       [id_width](const json::object& t) {
         return or_dash(get_string(t, "id").substr(0, id_width));
       }},
      text_column("TYPE", "type", false, Fit::kCut),
      {"STATUS", [](const json::object& t) { return status_cell(status_word(t)); }},
      {"WORKER", [](const json::object& t) { return Cell(place_of(t)); }, false, Fit::kCut},
      text_column("SITE", "site", true),
      {"TRY",
       [](const json::object& t) {
         return Cell(fmt::format("{}/{}", tries_of(t), get_int(t, "max_attempts")));
       }},
      {"PRIO", [](const json::object& t) { return Cell(get_raw(t, "priority", "-")); }, true},
      {"AGE",
       [now](const json::object& t) { return Cell(human_age(get_string(t, "created_at"), now)); }},
      {"TOOK", [](const json::object& t) { return Cell(duration_text(t)); }},
      text_column("CREATED", "created_at", true),
      {"NOTE", [now](const json::object& t) { return Cell(note_of(t, now)); }, false, Fit::kBelow},
  };
}

std::string task_headline(const json::object& task) {
  const std::string status = status_word(task);
  std::string out =
      fmt::format("task {} {} {}", get_string(task, "id"), get_string(task, "type"), status);
  if (duration_text(task) != "-") out += " in " + duration_text(task);
  if (const std::string worker = get_string(task, "worker_id"); !worker.empty())
    out += " on " + worker;
  if (get_int(task, "attempt") > 0) out += fmt::format(" (attempt {})", get_int(task, "attempt"));
  return printable(out);
}

void print_result(const Console& c, const json::object& task, bool streams) {
  const Cell status = status_cell(status_word(task));
  c.out << (status.styled ? c.paint(status.style, task_headline(task)) : task_headline(task))
        << '\n';
  if (const std::string error = error_text(task); !error.empty())
    c.out << c.paint(Style::kBold, "error") << "      " << printable(error) << '\n';
  const json::value* result = task.if_contains("result");
  if (result != nullptr && !result->is_null()) print_result_document(c, task, *result, streams);
  c.out << std::flush;
}

void print_task(const Console& c, const json::object& task) {
  print_result(c, task, true);
  c.out << '\n';
  for (const char* name : {"site", "worker_id", "idempotency_key"})
    print_field(c, name, get_string(task, name));
  print_field(c, "priority", get_raw(task, "priority"));
  print_field(c, "tries", fmt::format("{} of {}", tries_of(task), get_int(task, "max_attempts")));
  print_field(c, "timeout", seconds_text(task));
  for (const char* name :
       {"created_at", "run_at", "expires_at", "claimed_at", "started_at", "finished_at"})
    print_field(c, name, get_string(task, name));
  print_field(c, "params", get_raw(task, "params"));
  print_attempts(c, task);
}

void print_explanation(const Console& c, const json::object& e) {
  c.out << wrapped(printable(get_string(e, "summary")), c.width, 0) << '\n';
  std::vector<const json::object*> workers;
  std::size_t width = 0;
  const bool over = is_over(get_string(e, "status"));  // then no worker will run it
  if (const json::value* v = e.if_contains("workers"); !over && v != nullptr && v->is_array())
    for (const json::value& w : v->get_array())
      if (w.is_object()) {
        workers.push_back(&w.get_object());
        width = std::max(width, display_width(get_string(w.get_object(), "worker_id")));
      }
  for (const json::object* w : workers) {
    const bool eligible = get_bool(*w, "eligible");
    std::string id = printable(get_string(*w, "worker_id"));
    id.append(width - std::min(width, display_width(id)), ' ');
    const std::string reason =
        wrapped_below(printable(get_string(*w, "reason")), c.width, width + 9);
    c.out << "  " << id << "  "
          << c.paint(eligible ? Style::kGood : Style::kWarn, eligible ? "yes" : "no")
          << (reason.starts_with('\n') ? ""
              : eligible               ? "  "
                                       : "   ")
          << reason << '\n';
  }
  if (const std::string next = get_string(e, "next"); !next.empty())
    c.out << "  next: " << printable(with_place(next, c.place)) << '\n';
}

}  // namespace skep::cli
