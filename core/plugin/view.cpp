#include "core/plugin/view.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/utf8.hpp"

namespace skep::plugin {

std::string clean_text(skep_view v) { return to_utf8(text(v)); }

std::string clean_message(skep_view v) {
  const std::string_view raw = text(v);
  std::string out = clean_text(to_view(raw.substr(0, kMaxMessage + 1)));
  if (out.size() <= kMaxMessage) return out;
  const std::string note = "... (" + std::to_string(raw.size()) + " bytes)";
  return std::string(clip_utf8(out, kMaxMessage - note.size())) + note;
}

skep_rc put_error(skep_err* out, const Error& error) {
  const auto code = static_cast<skep_rc>(error.code);
  if (out == nullptr || out->size < SKEP_SIZE_1_0_ERR || out->text == nullptr) return code;
  out->n = static_cast<std::uint32_t>(clip_utf8(error.message, out->cap).size());
  std::memcpy(out->text, error.message.data(), out->n);
  out->retry_ms = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(error.retry_after.count(), 0, 86'400'000));
  return code;
}

std::vector<skep_view> views(std::span<const std::string> texts) {
  std::vector<skep_view> out;
  out.reserve(texts.size());
  for (const std::string& text : texts) out.push_back(to_view(text));
  return out;
}

}  // namespace skep::plugin
