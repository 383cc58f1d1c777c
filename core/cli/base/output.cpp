#include "core/cli/base/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <numeric>
#include <ostream>

#include "core/base/visible.hpp"
#include "core/cli/base/format.hpp"

namespace skep::cli {
namespace {

constexpr std::size_t kNarrowest = 6;  // that a cut column may become

void append_pretty(std::string& out, const json::value& v, std::size_t depth);

void new_line(std::string& out, std::size_t depth) {
  out += '\n';
  out.append(depth * 2, ' ');
}

void append_object(std::string& out, const json::object& o, std::size_t depth) {
  out += '{';
  bool first = true;
  for (const auto& member : o) {
    if (!std::exchange(first, false)) out += ',';
    new_line(out, depth + 1);
    out += json::serialize(member.key()) + ": ";
    append_pretty(out, member.value(), depth + 1);
  }
  if (!first) new_line(out, depth);
  out += '}';
}

void append_array(std::string& out, const json::array& a, std::size_t depth) {
  out += '[';
  bool first = true;
  for (const json::value& item : a) {
    if (!std::exchange(first, false)) out += ',';
    new_line(out, depth + 1);
    append_pretty(out, item, depth + 1);
  }
  if (!first) new_line(out, depth);
  out += ']';
}

/// The shortest text that reads back as the same number; Boost.JSON writes 7.23E0.
void append_double(std::string& out, double d) {
  const std::string text = fmt::format("{}", d);
  out += text;
  if (text.find_first_not_of("-0123456789") == std::string::npos) out += ".0";
}

void append_pretty(std::string& out, const json::value& v, std::size_t depth) {
  if (v.is_object())
    append_object(out, v.get_object(), depth);
  else if (v.is_array())
    append_array(out, v.get_array(), depth);
  else if (v.is_double())
    append_double(out, v.get_double());
  else
    out += json::serialize(v);
}

std::string name_of(const json::value& v, std::string_view key) {
  return v.is_object() ? get_string(v.get_object(), key) : std::string();
}

}  // namespace

Format parse_format(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, Format>, 4> kWords{{{"wide", Format::kWide},
                                                                       {"json", Format::kJson},
                                                                       {"jsonl", Format::kJsonl},
                                                                       {"name", Format::kName}}};
  for (const auto& [name, format] : kWords)
    if (name == word) return format;
  return Format::kTable;
}

std::vector<std::size_t> Table::widths(std::size_t line) const {
  std::vector<std::size_t> out;
  for (const Title& title : titles_) out.push_back(display_width(title.text));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      if (titles_[i].fit != Fit::kBelow || line == 0)
        out[i] = std::max(out[i], display_width(printable(row[i].text)));
  const auto total = [&] { return std::accumulate(out.begin(), out.end(), 2 * (out.size() - 1)); };
  while (line > 0 && total() > line) {
    std::size_t widest = out.size();
    for (std::size_t i = 0; i < out.size(); ++i)
      if (titles_[i].fit == Fit::kCut && out[i] > kNarrowest &&
          (widest == out.size() || out[i] > out[widest]))
        widest = i;
    if (widest == out.size()) break;
    --out[widest];
  }
  return out;
}

void Table::print(const Console& c) const {
  const std::vector<std::size_t> widths = this->widths(c.width);
  const auto print_row = [&](const std::vector<Cell>& cells) {
    std::string blanks;
    std::size_t column = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::string text = printable(cells[i].text);
      if (titles_[i].fit == Fit::kCut) text = shortened(text, widths[i]);
      const std::size_t size = display_width(text);
      if (titles_[i].fit == Fit::kBelow) text = wrapped_below(text, c.width, column);
      if (text.starts_with('\n')) blanks.clear();
      if (!text.empty()) {
        c.out << blanks << (cells[i].styled ? c.paint(cells[i].style, text) : text);
        blanks.clear();
      }
      blanks.append(widths[i] - std::min(widths[i], size) + 2, ' ');
      column += widths[i] + 2;
    }
    c.out << '\n';
  };
  std::vector<Cell> heads;
  for (const Title& title : titles_) heads.emplace_back(title.text);
  print_row(heads);
  for (const auto& row : rows_) print_row(row);
}

Column text_column(std::string title, std::string key, bool wide_only, Fit fit) {
  return {std::move(title),
          [key = std::move(key)](const json::object& o) { return or_dash(get_string(o, key)); },
          wide_only, fit};
}

std::vector<const json::object*> objects_of(const json::object& o, std::string_view key) {
  std::vector<const json::object*> out;
  if (const json::value* v = o.if_contains(key); v != nullptr && v->is_array())
    for (const json::value& item : v->get_array())
      if (item.is_object()) out.push_back(&item.get_object());
  return out;
}

std::vector<std::string> texts_of(const json::object& o, std::string_view key) {
  std::vector<std::string> out;
  if (const json::value* v = o.if_contains(key); v != nullptr && v->is_array())
    for (const json::value& item : v->get_array())
      if (item.is_string()) out.emplace_back(item.get_string());
  return out;
}

std::vector<const json::object*> items_of(const json::value& document) {
  const json::object* top = document.if_object();
  return top == nullptr ? std::vector<const json::object*>() : objects_of(*top, "items");
}

bool print_document(const Console& c, Format format, const json::value& document,
                    std::string_view name_key) {
  switch (format) {
    case Format::kTable:
    case Format::kWide:
      return false;
    case Format::kJson:
      c.out << pretty(document) << '\n';
      return true;
    case Format::kJsonl:
      c.out << json_line(document) << '\n';
      return true;
    case Format::kName:
      c.out << printable(name_of(document, name_key)) << '\n';
      return true;
  }
  return false;
}

void print_list(const Console& c, Format format, const json::value& document,
                const std::vector<Column>& columns, std::string_view name_key,
                std::string_view empty) {
  const auto items = items_of(document);
  if (format == Format::kJson) {
    c.out << pretty(document) << '\n';
    return;
  }
  if (format == Format::kJsonl || format == Format::kName) {
    for (const json::object* item : items) print_document(c, format, *item, name_key);
    return;
  }
  if (items.empty()) return c.note(empty);
  std::vector<const Column*> shown;
  std::vector<Table::Title> titles;
  for (const Column& column : columns) {
    if (column.wide_only && format != Format::kWide) continue;
    shown.push_back(&column);
    titles.emplace_back(column.title, format == Format::kWide ? Fit::kWhole : column.fit);
  }
  Table table(std::move(titles));
  for (const json::object* item : items) {
    std::vector<Cell> cells;
    for (const Column* column : shown) cells.push_back(column->cell(*item));
    table.row(std::move(cells));
  }
  table.print(c);
}

std::string pretty(const json::value& v) {
  std::string out;
  append_pretty(out, v, 0);
  return visible_json(out);
}

std::string json_line(const json::value& v) { return visible_json(json::serialize(v)); }

Cell status_cell(const std::string& status) {
  constexpr std::array kGood{"succeeded", "online", "ok",       "healthy",
                             "ready",     "loaded", "available"};
  constexpr std::array kBad{"failed", "dead", "offline", "stale", "refused", "unhealthy"};
  constexpr std::array kWarn{"late", "degraded", "paused", "draining", "cancelled", "retrying"};
  const auto in = [&](const auto& words) {
    return std::any_of(words.begin(), words.end(), [&](const char* w) { return status == w; });
  };
  if (in(kGood)) return {status, Style::kGood};
  if (in(kBad)) return {status, Style::kBad};
  if (in(kWarn)) return {status, Style::kWarn};
  return status;
}

}  // namespace skep::cli
