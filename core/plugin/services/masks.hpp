// Secrets that plugins were given, and how they are kept out of what those plugins say.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace skep::plugin {

inline constexpr std::string_view kMask = "***";

/// Values that must not be shown; never changes. [any]
class Masks {
 public:
  /// The longest first, so that a value which is part of another hides none of it.
  explicit Masks(std::vector<std::string> values);

  const std::vector<std::string>& values() const { return values_; }
  /// The text with "***" for each value in it.
  std::string hide(std::string_view text) const;
  /// The same for a JSON document: in its texts, names and numbers, however they are written. What
  /// is no JSON is text.
  std::string hide_json(std::string_view document) const;

 private:
  std::vector<std::string> values_;
};

/// One stream of bytes: a value may come in pieces. Not for several threads at once.
class MaskedStream {
 public:
  /// What may be shown by now; the beginning of a value stays here until it is known to be none.
  std::string add(std::string_view bytes, const Masks& masks);
  /// What is left at the end.
  std::string rest(const Masks& masks);
  bool is_empty() const { return held_.empty(); }

 private:
  std::string held_;
};

/// `owner` (a plugin's id or "script:NAME") got this value; so many of the newest are remembered.
inline constexpr std::size_t kMostMasks = 64;
void mask_for(std::string_view owner, std::string_view value);
/// Null when it got none, which costs nothing to find out. [any]
std::shared_ptr<const Masks> masks_of(std::string_view owner);

}  // namespace skep::plugin
