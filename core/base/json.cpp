#include "core/base/json.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/utf8.hpp"

namespace skep {
namespace {

/// The character at the beginning of `s`, which is not ASCII; U+FFFD for a byte that begins none.
/// Returns how many bytes of `s` that was.
std::size_t append_character(std::string& out, std::string_view s) {
  const std::size_t n = utf8_length(s);
  out += n == 0 ? std::string_view("\xef\xbf\xbd") : s.substr(0, n);
  return std::max<std::size_t>(n, 1);
}

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += "\\u00";
      out += kHex[(c >> 4) & 15];
      out += kHex[c & 15];
  }
}

void quote(std::string& out, std::string_view s) {
  out += '"';
  while (!s.empty()) {
    const auto plain = std::find_if_not(s.begin(), s.end(), is_plain) - s.begin();
    out += s.substr(0, static_cast<std::size_t>(plain));
    s.remove_prefix(static_cast<std::size_t>(plain));
    if (s.empty()) break;
    std::size_t taken = 1;
    if (static_cast<unsigned char>(s.front()) >= 0x80)
      taken = append_character(out, s);
    else
      append_escaped(out, s.front());
    s.remove_prefix(taken);
  }
  out += '"';
}

const json::value* member(const json::object& o, std::string_view key) {
  return o.if_contains(key);
}

/// Finds a member that an object has twice: the parser would keep the last one and say nothing.
class RepeatedMember {
 public:
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();
  using Ec = boost::system::error_code;
  using View = json::string_view;

  bool on_document_begin(Ec&) { return true; }
  bool on_document_end(Ec&) { return true; }
  bool on_array_begin(Ec&) { return true; }
  bool on_array_end(std::size_t, Ec&) { return true; }
  bool on_object_begin(Ec&) {
    open_.push_back(ends_.size());
    return true;
  }
  bool on_object_end(std::size_t, Ec& ec) {
    const std::size_t first = open_.back();
    open_.pop_back();
    members_.clear();
    for (std::size_t i = first; i < ends_.size(); ++i)
      members_.emplace_back(keys_.data() + begin_of(i), ends_[i] - begin_of(i));
    std::sort(members_.begin(), members_.end());
    const auto twice = std::adjacent_find(members_.begin(), members_.end());
    if (twice != members_.end()) {
      found = *twice;
      ec = json::error::not_found;  // any error stops the parser
      return false;
    }
    keys_.resize(begin_of(first));
    ends_.resize(first);
    return true;
  }
  bool on_key_part(View s, std::size_t, Ec&) {
    keys_.append(s.data(), s.size());
    return true;
  }
  bool on_key(View s, std::size_t, Ec&) {
    keys_.append(s.data(), s.size());
    ends_.push_back(keys_.size());
    return true;
  }
  bool on_string_part(View, std::size_t, Ec&) { return true; }
  bool on_string(View, std::size_t, Ec&) { return true; }
  bool on_number_part(View, Ec&) { return true; }
  bool on_int64(std::int64_t, View, Ec&) { return true; }
  bool on_uint64(std::uint64_t, View, Ec&) { return true; }
  bool on_double(double, View, Ec&) { return true; }
  bool on_bool(bool, Ec&) { return true; }
  bool on_null(Ec&) { return true; }
  bool on_comment_part(View, Ec&) { return true; }
  bool on_comment(View, Ec&) { return true; }

  std::optional<std::string> found;

 private:
  std::size_t begin_of(std::size_t key) const { return key == 0 ? 0 : ends_[key - 1]; }

  std::string keys_;                       ///< of all open objects, one after the other
  std::vector<std::size_t> ends_;          ///< where each of them ends
  std::vector<std::size_t> open_;          ///< the number of the first one of each object
  std::vector<std::string_view> members_;  ///< of the object that ends
};

json::parse_options options() {
  json::parse_options out;
  out.max_depth = 64;
  return out;
}

Error syntax_error(const std::string& what) {
  return Error{Code::kInvalid, "JSON: " + what, "json-syntax"};
}

}  // namespace

Status check_json(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return syntax_error("the text is empty");
  json::basic_parser<RepeatedMember> parser(options());
  boost::system::error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (const auto& twice = parser.handler().found)
    return syntax_error("an object has the member \"" + *twice + "\" twice");
  if (ec == json::error::too_deep)
    return Error{Code::kInvalid,
                 "JSON: nested deeper than 64 levels at byte " + std::to_string(used),
                 "json-too-deep"};
  if (ec) return syntax_error(ec.message() + " at byte " + std::to_string(used));
  const std::size_t rest = text.find_first_not_of(" \t\r\n", used);
  if (rest != std::string_view::npos)
    return syntax_error("text after the end at byte " + std::to_string(rest));
  return {};
}

Result<json::value> parse_json(std::string_view text) {
  SKEP_TRY(check_json(text));
  boost::system::error_code ec;
  json::value out = json::parse({text.data(), text.size()}, ec, {}, options());
  if (ec) return syntax_error(ec.message());
  return out;
}

std::string to_text(const json::value& v) { return json::serialize(v); }

std::string get_string(const json::object& o, std::string_view key, std::string_view fallback) {
  const auto* v = member(o, key);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string(fallback);
}

std::int64_t get_int(const json::object& o, std::string_view key, std::int64_t fallback) {
  const auto* v = member(o, key);
  if (v == nullptr || !v->is_number()) return fallback;
  boost::system::error_code ec;
  const auto i = v->to_number<std::int64_t>(ec);
  return ec ? fallback : i;
}

double get_double(const json::object& o, std::string_view key, double fallback) {
  const auto* v = member(o, key);
  return v != nullptr && v->is_number() ? v->to_number<double>() : fallback;
}

bool get_bool(const json::object& o, std::string_view key, bool fallback) {
  const auto* v = member(o, key);
  return v != nullptr && v->is_bool() ? v->get_bool() : fallback;
}

std::string get_raw(const json::object& o, std::string_view key, std::string_view fallback) {
  const auto* v = member(o, key);
  return v != nullptr ? json::serialize(*v) : std::string(fallback);
}

void JsonOut::comma() {
  if (need_comma_) out_ += ',';
  need_comma_ = true;
}

JsonOut& JsonOut::open(char c) {
  comma();
  out_ += c;
  need_comma_ = false;
  return *this;
}

JsonOut& JsonOut::close(char c) {
  out_ += c;
  need_comma_ = true;
  return *this;
}

JsonOut& JsonOut::key(std::string_view name) {
  comma();
  quote(out_, name);
  out_ += ':';
  need_comma_ = false;
  return *this;
}

JsonOut& JsonOut::str(std::string_view s) {
  comma();
  quote(out_, s);
  return *this;
}

JsonOut& JsonOut::integer(std::int64_t i) {
  comma();
  char buffer[24];
  out_.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), i).ptr);
  return *this;
}

JsonOut& JsonOut::number(double d) {
  if (!std::isfinite(d)) return null();
  comma();
  const double size = std::abs(d);
  const bool is_usual = size == 0 || (size >= 1e-5 && size < 1e15);
  char buffer[40];
  char* const end = buffer + sizeof(buffer);
  out_.append(buffer, is_usual ? std::to_chars(buffer, end, d, std::chars_format::fixed).ptr
                               : std::to_chars(buffer, end, d).ptr);
  return *this;
}

JsonOut& JsonOut::boolean(bool b) { return raw(b ? "true" : "false"); }
JsonOut& JsonOut::null() { return raw("null"); }

JsonOut& JsonOut::raw(std::string_view text) {
  comma();
  out_ += text.empty() ? std::string_view("null") : text;
  return *this;
}

JsonOut& JsonOut::time_or_null(std::int64_t wall_ms) {
  return wall_ms == 0 ? null() : str(to_iso(wall_ms));
}

}  // namespace skep
