#include "os_release.hpp"

#include "read.hpp"

namespace skep::facts {
namespace {

/// A word of a shell: parts in single quotes are as they are, elsewhere a backslash makes the next
/// character an ordinary one; in double quotes only one that would not be.
std::string unquoted(std::string_view s) {
  constexpr std::string_view kSpecial = "\"$`\\";
  std::string out;
  char quote = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    const bool escapes = c == '\\' && i + 1 < s.size() && quote != '\'' &&
                         (quote == 0 || kSpecial.find(s[i + 1]) != std::string_view::npos);
    if (escapes)
      out += s[++i];
    else if (quote == 0 && (c == '"' || c == '\''))
      quote = c;
    else if (quote != 0 && c == quote)
      quote = 0;
    else
      out += c;
  }
  return out;
}

}  // namespace

std::vector<std::pair<std::string_view, std::string>> read_os_release(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<std::pair<std::string_view, std::string>> out;
  for (const auto& [key, value] : pairs(text, '='))
    if (!key.starts_with('#')) out.emplace_back(key, unquoted(value));
  return out;
}

}  // namespace skep::facts
