#include "core/cli/base/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/text.hpp"
#include "core/base/utf8.hpp"
#include "core/cli/base/terminal_text.hpp"

namespace skep::cli {

std::string human_duration(std::int64_t ms) {
  if (ms < 0) ms = 0;
  if (ms < 1'000) return fmt::format("{}ms", ms);
  if (ms < 10'000) return fmt::format("{}.{}s", ms / 1'000, ms % 1'000 / 100);
  const std::int64_t s = ms / 1'000;
  if (s < 120) return fmt::format("{}s", s);
  if (s < 7'200) return fmt::format("{}m", s / 60);
  if (s < 172'800) return fmt::format("{}h", s / 3'600);
  return fmt::format("{}d", s / 86'400);
}

std::string human_age(std::string_view iso, WallMs now) {
  const auto at = from_iso(iso);
  if (!at) return "-";
  const std::int64_t seconds = (now - *at) / 1'000;
  const std::int64_t distance = seconds < 0 ? -seconds : seconds;
  const std::string text =
      distance < 120 ? fmt::format("{}s", distance) : human_duration(distance * 1'000);
  return seconds < 0 ? "in " + text : text;
}

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1'024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1'024 && unit + 1 < kUnits.size()) {
    value /= 1'024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string or_dash(std::string text) { return text.empty() ? "-" : std::move(text); }

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++width;
  return width;
}

std::string printable(std::string_view text, bool multiline) {
  TerminalText visible;
  std::string out = visible.add(text);
  out += visible.end();
  if (!multiline)
    for (char& c : out)
      if (c == '\n' || c == '\t') c = ' ';
  return out;
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  if (width == 0) return std::string(text);
  std::string out(text.substr(0, text.find_first_not_of(' ')));
  std::size_t column = indent;
  for (const std::string& word : split(text.substr(out.size()), ' ')) {
    const std::size_t size = display_width(word);
    if (column > indent && column + 1 + size > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += size;
  }
  return out;
}

std::string wrapped_below(std::string_view text, std::size_t width, std::size_t column) {
  constexpr std::size_t kIndent = 4;
  if (width == 0 || column + display_width(text) <= width) return std::string(text);
  return "\n" + std::string(kIndent, ' ') + wrapped(text, width, kIndent);
}

std::string shortened(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::size_t end = 0;
  for (std::size_t columns = 0; columns + 1 < width && end < text.size(); ++columns)
    end += std::max<std::size_t>(utf8_length(text.substr(end)), 1);
  return std::string(text.substr(0, end)) + "…";
}

std::string indented(std::string_view text, std::string_view indent) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.append(indent).append(text.substr(0, end)).append("\n");
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return out;
}

}  // namespace skep::cli
