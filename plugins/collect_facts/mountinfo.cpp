#include "mountinfo.hpp"

#include <algorithm>

#include "read.hpp"

namespace skep::facts {
namespace {

/// "\040" and the like: the kernel's way to write spaces.
std::string unescaped(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const auto code = s[i] == '\\' ? integer(s.substr(i + 1, 3), 8) : std::nullopt;
    out += code ? static_cast<char>(*code) : s[i];
    if (code) i += 3;
  }
  return out;
}

}  // namespace

/// 36 35 98:0 /root /point options shared:1 - type device super
std::vector<MountLine> read_mountinfo(std::string_view text) {
  constexpr std::ptrdiff_t kFirst = 6;  // before any number of optional ones
  std::vector<MountLine> out;
  for (const std::string_view line : lines(text)) {
    const auto f = fields(line, ' ');
    if (f.size() < kFirst) continue;
    const auto dash = std::find(f.begin() + kFirst, f.end(), "-");
    if (f.end() - dash < 4) continue;
    out.push_back({unescaped(f[3]), unescaped(f[4]), unescaped(f[5]), unescaped(dash[1]),
                   unescaped(dash[2]), unescaped(dash[3])});
  }
  return out;
}

std::optional<std::string_view> way_from(std::string_view folder, std::string_view path) {
  if (folder == "/") folder = {};
  if (!path.starts_with(folder)) return std::nullopt;
  path.remove_prefix(folder.size());
  if (path == "/") return std::string_view();
  return path.empty() || path.front() == '/' ? std::optional(path) : std::nullopt;
}

}  // namespace skep::facts
