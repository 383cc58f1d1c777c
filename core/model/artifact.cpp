#include "core/model/artifact.hpp"

#include <algorithm>

namespace skep::model {
namespace {

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_token(std::string_view s) {
  static constexpr std::string_view kOthers = "!#$&^_.+-*";
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
    return is_alnum(c) || kOthers.find(c) != std::string_view::npos;
  });
}

std::string_view trimmed(std::string_view s) {
  while (s.starts_with(' ')) s.remove_prefix(1);
  while (s.ends_with(' ')) s.remove_suffix(1);
  return s;
}

}  // namespace

bool is_artifact_name(std::string_view s) {
  return !s.empty() && s.size() <= 128 && s != "." && s != ".." &&
         std::all_of(s.begin(), s.end(),
                     [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_media_type(std::string_view s) {
  constexpr std::size_t kLongest = 127;
  if (s.size() > kLongest) return false;
  std::size_t end = s.find(';');
  const std::string_view type = trimmed(s.substr(0, end));
  const std::size_t slash = type.find('/');
  if (slash == std::string_view::npos || !is_token(type.substr(0, slash)) ||
      !is_token(type.substr(slash + 1)))
    return false;
  while (end != std::string_view::npos) {
    s.remove_prefix(end + 1);
    end = s.find(';');
    const std::string_view parameter = trimmed(s.substr(0, end));
    const std::size_t is = parameter.find('=');
    if (is == std::string_view::npos || !is_token(parameter.substr(0, is)) ||
        !is_token(parameter.substr(is + 1)))
      return false;
  }
  return true;
}

}  // namespace skep::model
