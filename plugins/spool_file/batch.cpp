#include "batch.hpp"

#include <algorithm>

#include "seal.hpp"

namespace spool {
namespace {

constexpr std::string_view kName = "{\"name\":\"";
constexpr std::string_view kItem = "\",\"item\":";

/// End of the sound line that starts at `from`, or npos.
std::size_t line_end(std::string_view bytes, std::size_t from) {
  if (!bytes.substr(from).starts_with(kName)) return bytes.npos;
  for (std::size_t at = bytes.find('\n', from); at != bytes.npos; at = bytes.find('\n', at + 1)) {
    std::string why;
    const std::string_view line = bytes.substr(from, at + 1 - from);
    if (!looks_sealed(line)) continue;
    if (read_batch_line(line, why)) return at + 1;
    // No JSON has "}", a line break and "{" in a row: this was the end of a damaged line.
    if (bytes.substr(at + 1).starts_with(kName)) break;
  }
  return bytes.npos;
}

/// Start of the next sound line after `from`, or the end. A line break may be what is damaged.
std::size_t next_sound(std::string_view bytes, std::size_t from) {
  std::size_t at = bytes.find(kName, from + 1);
  while (at != bytes.npos && line_end(bytes, at) == bytes.npos) at = bytes.find(kName, at + 1);
  return std::min(at, bytes.size());
}

}  // namespace

std::string batch_line(std::string_view name, std::string_view body) {
  std::string line;
  line.reserve(kName.size() + name.size() + kItem.size() + body.size() + kSealBytes + 1);
  line += kName;
  line += name;
  line += kItem;
  line += body;
  line += '}';
  return seal(line);
}

std::optional<BatchLine> read_batch_line(std::string_view line, std::string& why) {
  const auto text = unseal(line, why);
  if (!text) return std::nullopt;
  const std::size_t split = text->find(kItem);
  if (!text->starts_with(kName) || split == text->npos) {
    why = "it is no line of a batch";
    return std::nullopt;
  }
  const std::size_t body = split + kItem.size();
  BatchLine out{text->substr(kName.size(), split - kName.size()),
                text->substr(body, text->size() - 1 - body)};
  if (parse_name(out.name)) return out;
  why = "it names no item";
  return std::nullopt;
}

std::string_view line_of(std::string_view file, const BatchItem& item) {
  return item.offset < file.size() ? file.substr(item.offset, item.size) : std::string_view();
}

ParsedBatch parse_batch(std::string_view bytes) {
  ParsedBatch out;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = line_end(bytes, at);
    if (end == bytes.npos) {
      const std::size_t next = next_sound(bytes, at);
      out.damaged.emplace_back(bytes.substr(at, next - at));
      at = next;
      continue;
    }
    std::string why;
    const auto line = read_batch_line(bytes.substr(at, end - at), why);
    BatchItem item;
    item.name = line->name;
    item.offset = at;
    item.size = end - at;
    item.body_bytes = line->body.size();
    item.state = BatchItem::State::kResident;
    out.items.push_back(std::move(item));
    at = end;
  }
  return out;
}

}  // namespace spool
