#include "core/plugin/view.hpp"

#include <algorithm>
#include <cstring>

#include "skep/json.hpp"

namespace skep::plugin {

std::string clean_text(skep_view v) {
  const std::string_view raw = text(v);
  const bool ascii = std::all_of(raw.begin(), raw.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) return std::string(raw);
  std::string quoted;
  Json::quote(quoted, raw);
  return std::string(Json::parse(quoted).str());
}

std::string clean_message(skep_view v) {
  const std::string_view raw = text(v);
  std::string out = clean_text(to_view(raw.substr(0, kMaxMessage + 1)));
  if (out.size() <= kMaxMessage) return out;
  const std::string note = "... (" + std::to_string(raw.size()) + " bytes)";
  const auto inside_character = [&](std::size_t at) {
    return (static_cast<unsigned char>(out[at]) & 0xC0) == 0x80;
  };
  std::size_t end = kMaxMessage - note.size();
  while (end > 0 && inside_character(end)) --end;
  out.resize(end);
  return out + note;
}

skep_rc put_error(skep_err* out, const Error& error) {
  const auto code = static_cast<skep_rc>(error.code);
  if (out == nullptr || out->size < sizeof(skep_err) || out->text == nullptr) return code;
  out->n = static_cast<std::uint32_t>(std::min<std::size_t>(out->cap, error.message.size()));
  std::memcpy(out->text, error.message.data(), out->n);
  out->retry_ms = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(error.retry_after.count(), 0, 86'400'000));
  return code;
}

}  // namespace skep::plugin
