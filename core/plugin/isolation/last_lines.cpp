#include "core/plugin/isolation/last_lines.hpp"

#include <algorithm>

#include "core/base/utf8.hpp"
#include "core/plugin/view.hpp"

namespace skep::plugin {

bool LastLines::admit(MonoMs now) {
  constexpr MonoMs kSecond = 1'000;
  if (now - window_ >= kSecond) {
    window_ = now;
    in_window_ = 0;
  }
  if (in_window_ < kPerSecond) return ++in_window_ > 0;
  ++dropped_;
  return false;
}

std::vector<std::string> LastLines::add(std::string_view bytes, MonoMs now) {
  std::vector<std::string> out;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    open_.append(clip_utf8(part, kLineBytes - std::min(kLineBytes, open_.size())));
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    std::string line = clean_text(to_view(open_));
    open_.clear();
    if (line.empty()) continue;
    keep(line);
    const std::int64_t dropped = dropped_;
    if (!admit(now)) continue;
    if (dropped > 0) out.push_back("(" + std::to_string(dropped) + " lines left out)");
    dropped_ = 0;
    out.push_back(std::move(line));
  }
  return out;
}

void LastLines::keep(std::string line) {
  if (line.size() > kLineBytes) line = clip_utf8(line, kLineBytes);
  kept_.push_back(std::move(line));
  if (kept_.size() > kKept) kept_.pop_front();
}

void LastLines::forget() {
  kept_.clear();
  open_.clear();
}

std::string LastLines::text() const {
  std::string out;
  const auto put = [&out](std::string_view line) {
    if (!out.empty()) out += " | ";
    out += line;
  };
  for (const std::string& line : kept_) put(line);
  if (!open_.empty()) put(clean_text(to_view(open_)));
  return out;
}

}  // namespace skep::plugin
