#include "core/net/head.hpp"

#include <algorithm>

#include "core/base/text.hpp"
#include "core/base/utf8.hpp"

namespace skep::net {
namespace {

/// Headers that decide about framing or rights: a second one is an attack or a bug.
constexpr std::string_view kSingletons[] = {"host",         "content-length", "authorization",
                                            "content-type", "origin",         "expect"};

bool is_token_char(char c) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != std::string_view::npos;
}

bool is_token(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), is_token_char);
}

/// RFC 9110: optional white space is blanks and tabs, nothing else.
std::string_view without_ows(std::string_view s) {
  const std::size_t first = s.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

Refusal refuse(int status, std::string message, std::string name, std::string next = {}) {
  return HttpResponse::problem(
      status, Error{Code::kInvalid, std::move(message), std::move(name), std::move(next)});
}

Refusal bad(std::string message) { return refuse(400, std::move(message), "bad-request"); }

std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line;
}

Refusal parse_request_line(std::string_view line, Head& head, bool& http_1_0) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return bad("the request line is not \"METHOD /path HTTP/1.1\"");
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(head.method)) return bad("the method holds bytes that no method may hold");
  if (head.target.find(' ') != std::string::npos || head.target.find('\t') != std::string::npos)
    return bad("the request target holds white space");
  http_1_0 = version == "HTTP/1.0";
  if (http_1_0 || version == "HTTP/1.1") return {};
  if (!version.starts_with("HTTP/")) return bad("the request line does not end in HTTP/1.1");
  return refuse(505, "this server speaks HTTP/1.1 and HTTP/1.0", "http-version");
}

Refusal parse_field(std::string_view line, Head& head) {
  if (line.front() == ' ' || line.front() == '\t') return bad("a header is folded over two lines");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return bad("a header line is not \"Name: value\"");
  std::string name = to_lower(line.substr(0, colon));
  const std::string_view value = without_ows(line.substr(colon + 1));
  if (!is_utf8(value)) return bad("the value of the header " + name + " is not UTF-8 text");
  const auto [at, is_new] = head.headers.try_emplace(std::move(name), value);
  if (is_new) return {};
  if (std::find(std::begin(kSingletons), std::end(kSingletons), at->first) != std::end(kSingletons))
    return bad("the header " + at->first + " comes twice");
  at->second.append(", ").append(value);
  return {};
}

bool lists(const Head& head, const std::string& name, std::string_view token) {
  const auto it = head.headers.find(name);
  if (it == head.headers.end()) return false;
  const std::vector<std::string> items = split(it->second, ',');
  return std::any_of(items.begin(), items.end(),
                     [&](const std::string& item) { return to_lower(without_ows(item)) == token; });
}

Refusal check_framing(Head& head) {
  if (head.headers.contains("transfer-encoding"))
    return refuse(411, "Transfer-Encoding is not accepted in requests", "length-required",
                  "send the body with one Content-Length header");
  const auto it = head.headers.find("content-length");
  if (it == head.headers.end()) return {};
  const std::string& value = it->second;
  const bool digits = !value.empty() && value.size() <= 18 &&
                      value.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) return bad("Content-Length is not a number of bytes");
  head.content_length = static_cast<std::size_t>(to_int(value).value_or(0));
  return {};
}

Refusal check_expect(Head& head, bool http_1_0) {
  const auto it = head.headers.find("expect");
  if (it == head.headers.end() || http_1_0) return {};
  if (to_lower(it->second) != "100-continue")
    return refuse(417, "only \"Expect: 100-continue\" is known", "expectation-failed");
  head.expect_continue = true;
  return {};
}

}  // namespace

HeadScanner::State HeadScanner::scan(std::string_view buffer) {
  for (; position_ < buffer.size(); ++position_) {
    const auto c = static_cast<unsigned char>(buffer[position_]);
    const bool after_cr = line_ > 0 && buffer[position_ - 1] == '\r';
    if (after_cr != (c == '\n')) return State::kBad;
    if (c == '\n') {
      if (line_ == 1) {
        ++position_;
        return State::kComplete;
      }
      line_ = 0;
      continue;
    }
    if ((c < 0x20 && c != '\r' && c != '\t') || c == 0x7f) return State::kBad;
    ++line_;
  }
  return State::kMore;
}

Refusal parse_head(std::string_view text, Head& head) {
  bool http_1_0 = false;
  if (Refusal r = parse_request_line(next_line(text), head, http_1_0)) return r;
  for (std::string_view line = next_line(text); !line.empty(); line = next_line(text))
    if (Refusal r = parse_field(line, head)) return r;
  if (Refusal r = check_framing(head)) return r;
  if (!http_1_0 && !head.headers.contains("host")) return bad("HTTP/1.1 needs a Host header");
  head.keep_alive = !http_1_0 && !lists(head, "connection", "close");
  return check_expect(head, http_1_0);
}

}  // namespace skep::net
