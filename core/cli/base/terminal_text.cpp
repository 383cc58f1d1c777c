#include "core/cli/base/terminal_text.hpp"

#include <algorithm>
#include <ostream>

#include "core/base/visible.hpp"
#include "core/cli/base/console.hpp"

namespace skep::cli {
namespace {

/// Bytes at the end of `s` that may begin a character whose rest has not come.
std::size_t cut_at_end(std::string_view s) {
  for (std::size_t n = 1; n <= std::min<std::size_t>(3, s.size()); ++n) {
    const auto byte = static_cast<unsigned char>(s[s.size() - n]);
    if ((byte & 0xc0u) == 0x80u) continue;
    const std::size_t wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return wanted > n ? n : 0;
  }
  return 0;
}

}  // namespace

std::string TerminalText::add(std::string_view bytes) {
  rest_ += bytes;
  const std::size_t kept = rest_.ends_with('\r') ? 1 : cut_at_end(rest_);
  std::string out = visible(std::string_view(rest_).substr(0, rest_.size() - kept));
  rest_.erase(0, rest_.size() - kept);
  return out;
}

std::string TerminalText::end() {
  std::string out = visible(rest_);
  rest_.clear();
  return out;
}

ScriptOutput::ScriptOutput(const Console& console, bool raw)
    : console_(console),
      out_(console.out, console.out_is_tty && !raw),
      err_(console.err, console.err_is_tty && !raw) {}

ScriptOutput::~ScriptOutput() {
  out_.end();
  err_.end();
}

void ScriptOutput::out(std::string_view bytes) { out_.write(bytes); }
void ScriptOutput::err(std::string_view bytes) { err_.write(bytes); }

void ScriptOutput::mark(std::string_view line) {
  const bool in_a_line = err_.mid_line() || (console_.out_is_tty && out_.mid_line());
  console_.note((in_a_line ? "\n" : "") + std::string(line));
}

void ScriptOutput::Stream::write(std::string_view bytes) {
  put(visible_ ? text_.add(bytes) : std::string(bytes));
}

void ScriptOutput::Stream::end() { put(text_.end()); }

void ScriptOutput::Stream::put(const std::string& text) {
  if (text.empty()) return;
  to_ << text << std::flush;
  mid_line_ = !text.ends_with('\n');
}

}  // namespace skep::cli
