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

/// What becomes of a column where a line is too long for the terminal.
enum class Fit {
  kWhole,
  kCut,    ///< the widest of these are cut first, and end with an ellipsis
  kBelow,  ///< the last column: a sentence, which then stands below its row
};

/// Left-aligned columns, two spaces apart, no trailing blanks, fitted to the width of the console.
/// Cells lose control characters.
class Table {
 public:
  struct Title {
    std::string text;
    Fit fit = Fit::kWhole;

    Title(std::string t, Fit f = Fit::kWhole)  // NOLINT(google-explicit-constructor): table rows
        : text(std::move(t)), fit(f) {}
    Title(const char* t, Fit f = Fit::kWhole)  // NOLINT(google-explicit-constructor): table rows
        : text(t), fit(f) {}
  };

  explicit Table(std::vector<Title> titles) : titles_(std::move(titles)) {}
  void row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
  void print(const Console& console) const;

 private:
  /// Of each column, with what is cut.
  std::vector<std::size_t> widths(std::size_t line) const;

  std::vector<Title> titles_;
  std::vector<std::vector<Cell>> rows_;
};

struct Column {
  std::string title;
  std::function<Cell(const json::object&)> cell;
  bool wide_only = false;
  Fit fit = Fit::kWhole;
};

/// The text member `key`, "-" when it is missing or empty.
Column text_column(std::string title, std::string key, bool wide_only = false,
                   Fit fit = Fit::kWhole);

/// A list: `document` is the API's {"items":[..]}. json prints the document, jsonl an item a line,
/// name the `name_key` of each item. `empty` is a message when there is no item.
void print_list(const Console& console, Format format, const json::value& document,
                const std::vector<Column>& columns, std::string_view name_key,
                std::string_view empty);

/// True when the format is one for programs; then the document has been printed.
bool print_document(const Console& console, Format format, const json::value& document,
                    std::string_view name_key);

/// Indented JSON, two spaces, members in the order received; no terminal obeys what is in it.
std::string pretty(const json::value& v);
/// The same on one line.
std::string json_line(const json::value& v);
/// The objects of document["items"]. Borrowed from `document`.
std::vector<const json::object*> items_of(const json::value& document);
/// The objects of the array `key`; none when there is no such array.
std::vector<const json::object*> objects_of(const json::object& o, std::string_view key);
/// Its texts, likewise.
std::vector<std::string> texts_of(const json::object& o, std::string_view key);
/// A status word in its colour.
Cell status_cell(const std::string& status);

}  // namespace skep::cli
