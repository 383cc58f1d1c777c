#include "core/cli/base/next_command.hpp"

#include <algorithm>
#include <array>

namespace skep::cli {
namespace {

constexpr std::string_view kSkep = "skep ";
/// How commands begin that ask a node or a control plane.
constexpr std::array<std::string_view, 14> kAsking{
    "task ",       "worker ",     "registry ",      "node ",       "events",
    "status",      "health",      "plugin list",    "plugin show", "plugin reload",
    "script list", "script new ", "plugin publish", "api "};

bool begins_with_word(std::string_view text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  return word.ends_with(' ') || text.size() == word.size() || text[word.size()] == ' ';
}

bool asks_somebody(std::string_view command) {
  const std::string_view rest = command.substr(kSkep.size());
  const auto has = [&](std::string_view part) { return command.find(part) != command.npos; };
  if (has(" -c ") || has(" --server ") || has(" --help") || has("://") || has(" URL")) return false;
  return std::any_of(kAsking.begin(), kAsking.end(),
                     [&](std::string_view begin) { return begins_with_word(rest, begin); });
}

/// Where the command that begins at `at` ends; nothing within quotes ends it.
std::size_t end_of(std::string_view text, std::size_t at) {
  bool quoted = false;
  for (; at < text.size() && text[at] != '\n'; ++at) {
    if (text[at] == '\'') quoted = !quoted;
    if (quoted) continue;
    if (text[at] == ',' || text.substr(at, 2) == "  ") break;
  }
  return at;
}

}  // namespace

std::string shell_word(std::string_view word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%=";
  if (!word.empty() && word.find_first_not_of(kPlain) == word.npos) return std::string(word);
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string place_of(const Args& args) {
  std::string out;
  for (const auto& [name, option] :
       {std::pair{"server", "--server "}, {"config", "-c "}, {"token-file", "--token-file "}})
    if (args.is_typed(name))
      out += (out.empty() ? "" : " ") + (option + shell_word(args.get(name)));
  return out;
}

std::string with_place(std::string_view text, std::string_view place) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = text.find(kSkep); at != text.npos && !place.empty();
       at = text.find(kSkep, std::max(done, at + 1))) {
    if (at > 0 && text[at - 1] != ' ' && text[at - 1] != '\n') continue;
    const std::size_t end = end_of(text, at);
    if (!asks_somebody(text.substr(at, end - at))) continue;
    out.append(text, done, end - done).append(" ").append(place);
    done = end;
  }
  return out.append(text, done);
}

}  // namespace skep::cli
