#include "core/control/query.hpp"

#include "core/base/duration.hpp"
#include "core/base/text.hpp"
#include "core/base/utf8.hpp"

namespace skep::control {

Error bad_parameter(const std::string& name, const std::string& value,
                    const std::string& expected) {
  return invalid("query parameter " + name + "=" + std::string(clip_utf8(value, 60)) +
                 ": expected " + expected)
      .named("bad-query");
}

Error bad_choice(const std::string& name, const std::string& value,
                 std::span<const std::string> known) {
  const std::string near = nearest(value, known);
  return bad_parameter(
      name, value,
      "one of " + join(known, ", ") + (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
}

Result<Page> page_of(const net::HttpRequest& r) {
  Page page;
  if (const auto limit = r.query.find("limit"); limit != r.query.end()) {
    const auto n = to_int(limit->second);
    if (!n || *n < 1 || *n > 200) return bad_parameter("limit", limit->second, "1 to 200");
    page.limit = static_cast<std::uint32_t>(*n);
  }
  if (const auto cursor = r.query.find("cursor"); cursor != r.query.end()) {
    const auto n = to_int(cursor->second);
    if (!n || *n < 1)
      return bad_parameter("cursor", cursor->second, "a next_cursor of an earlier answer");
    page.after = *n;
  }
  return page;
}

Result<Millis> wait_of(const net::HttpRequest& r) {
  const auto found = r.query.find("wait");
  if (found == r.query.end()) return Millis{0};
  const auto seconds = parse_duration(found->second);
  if (!seconds || *seconds > 60) return bad_parameter("wait", found->second, "seconds, 0 to 60");
  return Millis{static_cast<std::int64_t>(*seconds * 1000)};
}

Result<bool> flag_of(const net::HttpRequest& r, const std::string& name) {
  const std::string word = text_of(r, name);
  if (!word.empty() && word != "true" && word != "false")
    return bad_parameter(name, word, "true or false");
  return word == "true";
}

std::string text_of(const net::HttpRequest& r, const std::string& name) {
  const auto found = r.query.find(name);
  return found == r.query.end() ? std::string() : found->second;
}

}  // namespace skep::control
