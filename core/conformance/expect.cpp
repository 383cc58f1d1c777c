#include "core/conformance/expect.hpp"

#include <vector>

#include "core/base/text.hpp"
#include "core/base/utf8.hpp"

namespace skep::conformance {
namespace {

constexpr std::size_t kMostShown = 160;

thread_local std::vector<std::string> places;

}  // namespace

std::string shown_text(std::string_view text) {
  std::string out = "\"" + std::string(clip_utf8(text, kMostShown));
  return out + (text.size() > kMostShown ? "..\"" : "\"");
}

void Missed::operator=(const Words& words) const {
  std::string what = what_;
  if (!words.text().empty()) what += ": " + words.text();
  for (const std::string& place : places) what += "; at " + place;
  const std::string_view file(file_);
  what += " (" + std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(line_) + ")";
  throw Broken(what, kKindRules);
}

At::At(std::string what) {
  step(what);
  places.push_back(std::move(what));
}
At::~At() { places.pop_back(); }

}  // namespace skep::conformance
