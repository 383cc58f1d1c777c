#include "core/cli/base/console.hpp"

#include <algorithm>
#include <ostream>

#include "core/base/json.hpp"
#include "core/base/visible.hpp"
#include "core/cli/base/format.hpp"
#include "core/cli/base/next_command.hpp"

namespace skep::cli {
namespace {

std::string_view escape_of(Style style) {
  switch (style) {
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarn:
      return "\x1b[33m";
    case Style::kBad:
      return "\x1b[31m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kBold:
      return "\x1b[1m";
  }
  return "";
}

std::string painted(bool color, Style style, std::string_view text) {
  if (!color || text.empty()) return std::string(text);
  return std::string(escape_of(style)) + std::string(text) + "\x1b[0m";
}

void print_next(const Console& c, std::string_view next) {
  for (std::string_view prefix = "  next:  "; !next.empty(); prefix = "         ") {
    const std::size_t end = next.find('\n');
    c.err << prefix << next.substr(0, end) << '\n';
    next = end == std::string_view::npos ? std::string_view{} : next.substr(end + 1);
  }
}

}  // namespace

Clock& Console::clock() const {
  static SystemClock machine;
  return time != nullptr ? *time : machine;
}

void Console::note(std::string_view text) const {
  if (quiet || text.empty()) return;
  const std::size_t next = std::min(text.find("next:"), text.size());
  const std::string placed =
      std::string(text.substr(0, next)) + with_place(text.substr(next), place);
  err << printable(placed, true) << '\n' << std::flush;
}

std::string Console::paint(Style style, std::string_view text) const {
  return painted(color_out, style, text);
}

std::string problem_json(const Error& error, const std::vector<std::string>& messages) {
  const CodeInfo& row = info(error.code);
  JsonOut out;
  out.object().key("type").str("/problems/" + std::string(error.id())).key("title").str(row.name);
  out.key("status").integer(row.http_status).key("detail").str(error.message);
  out.key("code").str(error.id()).key("next").str_or_null(error.next);
  if (!messages.empty()) {
    out.key("errors").array();
    for (const std::string& message : messages)
      out.object().key("message").str(message).end_object();
    out.end_array();
  }
  return out.end_object().take();
}

Failure failure_of_all(Error error, std::vector<std::string> problems) {
  error.message = problems.front();
  std::string problem = problem_json(error, problems);
  problems.erase(problems.begin());
  return {std::move(error), std::move(problem), std::move(problems)};
}

void print_failure(const Console& c, const Failure& f) {
  const std::string next = with_place(f.error.next, c.place);
  if (c.json_errors) {
    c.err << visible_json(f.problem.empty() ? problem_json(Error(f.error).with_next(next))
                                            : f.problem)
          << '\n'
          << std::flush;
    return;
  }
  c.err << painted(c.color_err, Style::kBad, "error:") << ' ' << printable(f.error.message, true)
        << "   [" << printable(f.error.id()) << "]\n";
  for (const std::string& line : f.details) c.err << "  - " << printable(line, true) << '\n';
  print_next(c, printable(next, true));
  c.err << std::flush;
}

int exit_code_of(const Failure& f) { return info(f.error.code).exit_code; }

Error usage_error(std::string message, std::string next) {
  return invalid(std::move(message)).named("usage").with_next(std::move(next));
}

}  // namespace skep::cli
