#include "core/cli/base/sse_reader.hpp"

#include <utility>

namespace skep::cli {
namespace {

constexpr std::size_t kLongest = 1u << 20;

}  // namespace

void SseReader::take_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "id") event_.id = value;
  if (field == "event") event_.name = value;
  if (field == "data") event_.data.append(event_.data.empty() ? "" : "\n").append(value);
  if (event_.data.size() > kLongest) too_long_ = true;
}

void SseReader::restart() {
  line_.clear();
  event_ = {};
  too_long_ = false;
}

bool SseReader::feed(std::string_view bytes, const std::function<bool(const SseEvent&)>& on_event) {
  for (const char c : bytes) {
    if (c != '\n') {
      if (line_.size() < kLongest)
        line_ += c;
      else
        too_long_ = true;
      continue;
    }
    const std::string line = std::exchange(line_, {});
    if (!line.empty() && line != "\r") {
      take_line(line);
      continue;
    }
    SseEvent done = std::exchange(event_, {});
    if (!done.id.empty()) last_id_ = done.id;
    if (std::exchange(too_long_, false) || done.data.empty()) continue;
    if (!on_event(done)) return false;
  }
  return true;
}

}  // namespace skep::cli
