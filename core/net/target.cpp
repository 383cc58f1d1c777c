#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cctype>

#include "core/net/head.hpp"

namespace skep::net {
namespace {

constexpr std::string_view kEncode = "percent-encode what is not a letter, digit or -._~";

Refusal bad_target(std::string message, std::string_view next = kEncode) {
  return HttpResponse::problem(
      Error{Code::kInvalid, std::move(message), "bad-target", std::string(next)});
}

bool has_bad_escape(std::string_view s) {
  for (std::size_t i = s.find('%'); i != std::string_view::npos; i = s.find('%', i + 1))
    if (i + 2 >= s.size() || std::isxdigit(static_cast<unsigned char>(s[i + 1])) == 0 ||
        std::isxdigit(static_cast<unsigned char>(s[i + 2])) == 0)
      return true;
  return false;
}

/// Bytes that follow the first byte of a UTF-8 sequence; -1 for no first byte.
int continuation_bytes(unsigned char c) {
  if (c < 0x80) return 0;
  if (c >= 0xc2 && c < 0xe0) return 1;
  if (c >= 0xe0 && c < 0xf0) return 2;
  return c >= 0xf0 && c < 0xf5 ? 3 : -1;
}

/// UTF-8 without overlong forms, surrogates and control characters.
bool is_clean_text(std::string_view s) {
  for (std::size_t i = 0; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    if (c < 0x20 || c == 0x7f) return false;
    const int more = continuation_bytes(c);
    if (more < 0 || i + static_cast<std::size_t>(more) >= s.size()) return false;
    for (int k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(s[i + static_cast<std::size_t>(k)]);
      if ((next & 0xc0) != 0x80) return false;
      if (k == 1 && ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f) ||
                     (c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f)))
        return false;
    }
    i += static_cast<std::size_t>(more);
  }
  return true;
}

Refusal read_path(const boost::urls::url_view& url, std::string& path) {
  for (const std::string part : url.segments()) {
    if (part.find_first_of("/\\") != std::string::npos)
      return bad_target("the path holds an encoded slash, which no name here has", "");
    if (part == "." || part == "..")
      return bad_target("the path holds a dot segment", "leave out \".\" and \"..\"");
    if (!is_clean_text(part)) return bad_target("the path is not clean UTF-8 after decoding");
    path.append("/").append(part);
  }
  if (path.ends_with('/')) path.pop_back();
  if (path.empty()) path = "/";
  return {};
}

Refusal read_query(const boost::urls::url_view& url, std::map<std::string, std::string>& query) {
  if (!url.has_query() || url.encoded_query().empty()) return {};
  boost::urls::encoding_opts form;
  form.space_as_plus = true;
  for (const auto& given : url.params(form)) {
    if (!is_clean_text(given.key) || !is_clean_text(given.value))
      return bad_target("the query is not clean UTF-8 after decoding");
    if (!query.try_emplace(given.key, given.value).second)
      return bad_target("the query parameter \"" + given.key + "\" comes twice", "give it once");
  }
  return {};
}

}  // namespace

Refusal parse_target(std::string_view target, HttpRequest& request) {
  const auto url = boost::urls::parse_origin_form({target.data(), target.size()});
  if (!url && has_bad_escape(target))
    return bad_target("a % of the request target is not followed by two hex digits",
                      "write %25 for a percent sign");
  if (!url) return bad_target("the request target is not a path that starts with \"/\"");
  if (Refusal r = read_path(*url, request.path)) return r;
  return read_query(*url, request.query);
}

}  // namespace skep::net
