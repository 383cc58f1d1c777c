#include "core/base/json_count.hpp"

#include <cstring>

namespace skep {
namespace {

/// The quote that ends the string which begins at `from`; `end` when none does.
const char* end_of_string(const char* from, const char* end) {
  for (const char* at = from; at < end; ++at) {
    at = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
    if (at == nullptr) return end;
    const char* escape = at;
    while (escape > from && escape[-1] == '\\') --escape;
    if ((at - escape) % 2 == 0) return at;
  }
  return end;
}

}  // namespace

std::size_t count_json_values(std::string_view text, std::size_t enough) {
  std::size_t values = 1;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end && values <= enough; ++at) {
    if (*at == '"') at = end_of_string(at + 1, end);
    if (at < end && (*at == ',' || *at == '[' || *at == '{')) ++values;
  }
  return values;
}

}  // namespace skep
