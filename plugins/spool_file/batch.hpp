// One write-ahead file of .batch/: the items of one put(), a line each.
//
// A line is a sealed object {"name":"<future name>","item":<body>,"sha256":".."}. The body keeps
// its own bytes, line breaks included, so lines are told apart by their seals, not by line breaks
// alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "item_name.hpp"

namespace spool {

inline bool is_batch_file(std::string_view name) { return name.ends_with(".jsonl"); }

struct BatchItem {
  enum class State {
    kInFlight,  ///< put, not settled
    kResident,  ///< ready for replay, its file is not written yet
    kSettled,   ///< this line is needed no more
  };
  std::string name;
  std::size_t offset = 0;  ///< of its line
  std::size_t size = 0;    ///< of its line
  std::size_t body_bytes = 0;
  State state = State::kInFlight;
};

struct Batch {
  std::string file;  ///< name within .batch/
  std::vector<BatchItem> items;
  std::size_t open = 0;  ///< items that are not settled
  std::string bytes;     ///< of the file, while it may vanish before anything else has them
};

struct BatchLine {
  std::string name;
  std::string body;
};

std::string batch_line(std::string_view name, std::string_view body);
/// Nothing when the line is damaged; `why` says how.
std::optional<BatchLine> read_batch_line(std::string_view line, std::string& why);

/// The bytes of `item`'s line within its batch file.
std::string_view line_of(std::string_view file, const BatchItem& item);

struct ParsedBatch {
  std::vector<BatchItem> items;
  std::vector<std::string> damaged;  ///< bytes that belong to no sound line
};
/// Finds every sound line, whatever is between them.
ParsedBatch parse_batch(std::string_view bytes);

}  // namespace spool
