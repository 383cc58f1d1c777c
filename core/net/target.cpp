#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cctype>

#include "core/base/utf8.hpp"
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

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_clean_text(std::string_view s) {
  return is_utf8(s) && std::none_of(s.begin(), s.end(), is_control);
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
