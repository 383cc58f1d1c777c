#include "core/plugin/services/masks.hpp"

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <deque>
#include <map>

#include "core/base/json.hpp"
#include "core/base/mutex.hpp"
#include "core/base/text.hpp"

namespace skep::plugin {
namespace {

/// Lines of a value that has several are as secret, as long as they are no common words.
constexpr std::size_t kLeastLine = 8;

enum class Found { kNothing, kValue, kBeginning };

/// What stands at the beginning of `text`: a whole value (of `size` bytes), or, where `more` may
/// follow, what may become one.
Found look_at(std::string_view text, const std::vector<std::string>& values, bool more,
              std::size_t& size) {
  for (const std::string& value : values) {
    if (text.front() != value.front()) continue;
    if (more && text.size() < value.size() && std::string_view(value).starts_with(text))
      return Found::kBeginning;
    if (!text.starts_with(value)) continue;
    size = value.size();
    return Found::kValue;
  }
  return Found::kNothing;
}

/// Moves what may be shown of `text` out of it.
std::string take_shown(std::string& text, const std::vector<std::string>& values, bool more) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t size = 1;
    const Found found = look_at(std::string_view(text).substr(at), values, more, size);
    if (found == Found::kBeginning) break;
    if (found == Found::kValue)
      out += kMask;
    else
      out += text[at];
    at += size;
  }
  text.erase(0, at);
  return out;
}

json::value hidden_in(const json::value& value, const Masks& masks) {
  if (const auto* s = value.if_string()) return json::value(masks.hide(*s));
  if (const auto* a = value.if_array()) {
    json::array out;
    for (const json::value& item : *a) out.push_back(hidden_in(item, masks));
    return out;
  }
  if (const auto* o = value.if_object()) {
    json::object out;
    for (const auto& [name, member] : *o) out[masks.hide(name)] = hidden_in(member, masks);
    return out;
  }
  const std::string text = to_text(value);
  const std::string shown = masks.hide(text);
  return shown == text ? value : json::value(shown);
}

struct MaskBook {
  Mutex mutex;
  std::map<std::string, std::deque<std::string>, std::less<>> values SKEP_GUARDED_BY(mutex);
  std::map<std::string, std::shared_ptr<const Masks>, std::less<>> masks SKEP_GUARDED_BY(mutex);
  std::atomic<bool> used{false};
};

MaskBook& mask_book() {
  static auto* the = new MaskBook;  // threads of plugins may write until the process ends
  return *the;
}

std::vector<std::string> with_lines(const std::deque<std::string>& values) {
  std::vector<std::string> out;
  for (const std::string& value : values) {
    out.push_back(value);
    const auto lines = split(value, '\n');
    if (lines.size() < 2) continue;
    for (const std::string& line : lines)
      if (const std::string_view text = trim(line); text.size() >= kLeastLine)
        out.emplace_back(text);
  }
  return out;
}

}  // namespace

Masks::Masks(std::vector<std::string> values) : values_(std::move(values)) {
  std::erase_if(values_, [](const std::string& v) { return v.empty(); });
  std::sort(values_.begin(), values_.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
}

std::string Masks::hide(std::string_view text) const {
  std::string left(text);
  return take_shown(left, values_, false);
}

std::string Masks::hide_json(std::string_view document) const {
  const auto parsed = parse_json(document);
  return parsed ? to_text(hidden_in(*parsed, *this)) : hide(document);
}

std::string MaskedStream::add(std::string_view bytes, const Masks& masks) {
  held_ += bytes;
  return take_shown(held_, masks.values(), true);
}

std::string MaskedStream::rest(const Masks& masks) {
  return take_shown(held_, masks.values(), false);
}

void mask_for(std::string_view owner, std::string_view value) {
  MaskBook& b = mask_book();
  const MutexLock lock(b.mutex);
  auto& values = b.values[std::string(owner)];
  std::erase(values, value);
  values.emplace_back(value);
  if (values.size() > kMostMasks) values.pop_front();
  b.masks[std::string(owner)] = std::make_shared<const Masks>(with_lines(values));
  b.used = true;
}

std::shared_ptr<const Masks> masks_of(std::string_view owner) {
  MaskBook& b = mask_book();
  if (!b.used) return nullptr;
  const MutexLock lock(b.mutex);
  const auto at = b.masks.find(owner);
  return at == b.masks.end() ? nullptr : at->second;
}

}  // namespace skep::plugin
