#include "core/cli/base/terminal_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "core/base/utf8.hpp"
#include "core/cli/base/console.hpp"

namespace skep::cli {
namespace {

/// Of a whole character; those of four bytes are all harmless and count as one.
unsigned code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0);
  if (character.size() == 2) return (byte(0) & 0x1fu) << 6 | (byte(1) & 0x3fu);
  if (character.size() == 3)
    return (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  return 0x10000;
}

bool is_control(unsigned c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

bool turns_writing(unsigned c) {
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

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

/// "\x1b" or "\u202e"; "" for a character that a terminal only shows.
std::string spelled(unsigned c) {
  if (turns_writing(c)) return fmt::format("\\u{:04x}", c);
  return is_control(c) ? fmt::format("\\x{:02x}", c) : std::string();
}

void append_visible(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(n, 1));
    text.remove_prefix(character.size());
    const char first = character.front();
    if (n == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(first));
    else if (first == '\r')
      out += text.starts_with('\n') ? "" : "\n";
    else if (const std::string code = spelled(code_point(character));
             code.empty() || first == '\n' || first == '\t')
      out += character;
    else
      out += code;
  }
}

}  // namespace

std::string TerminalText::add(std::string_view bytes) {
  rest_ += bytes;
  const std::size_t kept = rest_.ends_with('\r') ? 1 : cut_at_end(rest_);
  std::string out;
  append_visible(out, std::string_view(rest_).substr(0, rest_.size() - kept));
  rest_.erase(0, rest_.size() - kept);
  return out;
}

std::string TerminalText::end() {
  std::string out;
  append_visible(out, rest_);
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

std::string visible_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const std::size_t n = std::max<std::size_t>(utf8_length(json), 1);
    const unsigned c = code_point(json.substr(0, n));
    if (c >= 0x7f && (is_control(c) || turns_writing(c)))
      out += fmt::format("\\u{:04x}", c);
    else
      out += json.substr(0, n);
    json.remove_prefix(n);
  }
  return out;
}

}  // namespace skep::cli
