// The one output layer: tables for people, the API's own documents for programs.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.hpp"
#include "core/cli/base/console.hpp"

namespace skep::cli {

enum class Format { kTable, kWide, kJson, kJsonl, kName };
/// Unknown words give kTable; the parser has checked them.
Format parse_format(std::string_view word);

struct Cell {
  std::string text;
  Style style = Style::kBold;
  bool styled = false;

  Cell(std::string t) : text(std::move(t)) {}  // NOLINT(google-explicit-constructor): table rows
  Cell(const char* t) : text(t) {}             // NOLINT(google-explicit-constructor): table rows
  Cell(std::string t, Style s) : text(std::move(t)), style(s), styled(true) {}
};

/// Left-aligned columns, two spaces apart, no trailing blanks. Cells lose control characters.
class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  void row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
  void print(const Console& console) const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<Cell>> rows_;
};

struct Column {
  std::string title;
  std::function<Cell(const json::object&)> cell;
  bool wide_only = false;
};

/// The text member `key`, "-" when it is missing or empty.
Column text_column(std::string title, std::string key, bool wide_only = false);

/// A list: `document` is the API's {"items":[..]}. json prints the document, jsonl an item a line,
/// name the `name_key` of each item. `empty` is a message when there is no item.
void print_list(const Console& console, Format format, const json::value& document,
                const std::vector<Column>& columns, std::string_view name_key,
                std::string_view empty);

/// True when the format is one for programs; then the document has been printed.
bool print_document(const Console& console, Format format, const json::value& document,
                    std::string_view name_key);

/// Indented JSON, two spaces, members in the order received.
std::string pretty(const json::value& v);
/// The objects of document["items"]. Borrowed from `document`.
std::vector<const json::object*> items_of(const json::value& document);
/// The objects of the array `key`; none when there is no such array.
std::vector<const json::object*> objects_of(const json::object& o, std::string_view key);
/// A status word in its colour.
Cell status_cell(const std::string& status);

}  // namespace skep::cli
