// A small JSON value for plugins: parse, look up, build, print. No dependencies.
//
// Numbers are int64 when they are written as integers that fit, else double. Objects keep the order
// of insertion. A missing member reads as null, so lookups chain: j["a"]["b"].str("default").
// items(), members() and [] of a temporary are values of their own, so that
// `for (const Json& x : Json::parse(text)["list"].items())` is sound; str() is a view into the
// value.
#ifndef SKEP_JSON_HPP
#define SKEP_JSON_HPP

#include <charconv>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#if !defined(__cpp_lib_to_chars)
#include <locale>
#include <sstream>
#endif

namespace skep {

class Json {
 public:
  using Member = std::pair<std::string, Json>;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;

  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool b) : v_(b) {}
  Json(double d) : v_(d) {}
  /// Any other integer; one beyond int64 becomes a double.
  template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
  Json(T i) : v_(static_cast<std::int64_t>(i)) {
    if constexpr (std::is_unsigned_v<T>)
      if (i > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        v_ = static_cast<double>(i);
  }
  Json(const char* s) : v_(std::string(s)) {}
  Json(std::string_view s) : v_(std::string(s)) {}
  Json(std::string s) : v_(std::move(s)) {}
  static Json array() { return Json(Array{}); }
  static Json object() { return Json(Object{}); }
  static Json object(std::initializer_list<Member> members) { return Json(Object(members)); }

  bool is_null() const { return std::holds_alternative<std::monostate>(v_); }
  bool is_string() const { return std::holds_alternative<std::string>(v_); }
  bool is_array() const { return std::holds_alternative<Array>(v_); }
  bool is_object() const { return std::holds_alternative<Object>(v_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(v_); }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(v_); }

  // Readers with a default for another type.
  std::string_view str(std::string_view fallback = {}) const {
    const auto* s = std::get_if<std::string>(&v_);
    return s != nullptr ? std::string_view(*s) : fallback;
  }
  std::int64_t integer(std::int64_t fallback = 0) const {
    if (const auto* i = std::get_if<std::int64_t>(&v_)) return *i;
    if (const auto* d = std::get_if<double>(&v_); d && std::abs(*d) < 9e18)
      return static_cast<std::int64_t>(*d);
    return fallback;
  }
  double number(double fallback = 0) const {
    if (const auto* d = std::get_if<double>(&v_)) return *d;
    if (const auto* i = std::get_if<std::int64_t>(&v_)) return static_cast<double>(*i);
    return fallback;
  }
  bool boolean(bool fallback = false) const {
    const auto* b = std::get_if<bool>(&v_);
    return b != nullptr ? *b : fallback;
  }
  const Array& items() const& {
    static const Array empty;
    const auto* a = std::get_if<Array>(&v_);
    return a != nullptr ? *a : empty;
  }
  Array items() && {
    auto* a = std::get_if<Array>(&v_);
    return a != nullptr ? std::move(*a) : Array();
  }
  const Object& members() const& {
    static const Object empty;
    const auto* o = std::get_if<Object>(&v_);
    return o != nullptr ? *o : empty;
  }
  Object members() && {
    auto* o = std::get_if<Object>(&v_);
    return o != nullptr ? std::move(*o) : Object();
  }
  const Json& operator[](std::string_view key) const& {
    static const Json missing;
    for (const auto& [name, value] : members())
      if (name == key) return value;
    return missing;
  }
  Json operator[](std::string_view key) && {
    if (auto* o = std::get_if<Object>(&v_))
      for (auto& [name, value] : *o)
        if (name == key) return std::move(value);
    return Json();
  }

  // Builders: set() makes an object of null, push() an array.
  Json& set(std::string_view key, Json value) {
    if (is_null()) v_ = Object{};
    for (auto& [name, old] : std::get<Object>(v_))
      if (name == key) {
        old = std::move(value);
        return *this;
      }
    std::get<Object>(v_).emplace_back(std::string(key), std::move(value));
    return *this;
  }
  Json& push(Json value) {
    if (is_null()) v_ = Array{};
    std::get<Array>(v_).push_back(std::move(value));
    return *this;
  }

  std::string dump() const {
    std::string out;
    write(out);
    return out;
  }
  /// Appends `s` as a JSON string; bytes that are not UTF-8 become U+FFFD.
  static void quote(std::string& out, std::string_view s);
  /// Throws std::runtime_error "JSON: <what> at byte <n>"; nesting is limited to 64.
  static Json parse(std::string_view text);

 private:
  explicit Json(Array a) : v_(std::move(a)) {}
  explicit Json(Object o) : v_(std::move(o)) {}
  void write(std::string& out) const;
  struct Parser;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> v_;
};

inline void Json::quote(std::string& out, std::string_view s) {
  static constexpr char hex[] = "0123456789abcdef";
  const auto tail = [&](std::size_t i) {  // length of the valid UTF-8 sequence at i, or 0
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(s[k]); };
    const unsigned c = at(i);
    const std::size_t n = c < 0x80   ? 1
                          : c < 0xc2 ? 0
                          : c < 0xe0 ? 2
                          : c < 0xf0 ? 3
                          : c < 0xf5 ? 4
                                     : 0;
    if (n == 0 || i + n > s.size()) return std::size_t{0};
    for (std::size_t k = 1; k < n; ++k)
      if ((at(i + k) & 0xc0u) != 0x80u) return std::size_t{0};
    if ((c == 0xe0 && at(i + 1) < 0xa0) || (c == 0xed && at(i + 1) > 0x9f) ||
        (c == 0xf0 && at(i + 1) < 0x90) || (c == 0xf4 && at(i + 1) > 0x8f))
      return std::size_t{0};
    return n;
  };
  out += '"';
  for (std::size_t i = 0; i < s.size();) {
    const char c = s[i];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
      ++i;
    } else if (c == '\n') {
      out += "\\n";
      ++i;
    } else if (c == '\t') {
      out += "\\t";
      ++i;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += "\\u00";
      out += hex[(c >> 4) & 0xf];
      out += hex[c & 0xf];
      ++i;
    } else if (const std::size_t n = tail(i); n > 0) {
      out.append(s.substr(i, n));
      i += n;
    } else {
      out += "\xef\xbf\xbd";
      ++i;
    }
  }
  out += '"';
}

inline void Json::write(std::string& out) const {
  const auto number = [&out](auto value) {
    char buffer[40];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
    out.append(buffer, end);
  };
  if (is_null()) {
    out += "null";
  } else if (const auto* b = std::get_if<bool>(&v_)) {
    out += *b ? "true" : "false";
  } else if (const auto* i = std::get_if<std::int64_t>(&v_)) {
    number(*i);
  } else if (const auto* d = std::get_if<double>(&v_)) {
    if (std::isfinite(*d))
      number(*d);
    else
      out += "null";
  } else if (const auto* s = std::get_if<std::string>(&v_)) {
    quote(out, *s);
  } else if (is_array()) {
    out += '[';
    for (const char* comma = ""; const auto& item : items()) {
      out += comma;
      item.write(out);
      comma = ",";
    }
    out += ']';
  } else {
    out += '{';
    for (const char* comma = ""; const auto& [name, value] : members()) {
      out += comma;
      quote(out, name);
      out += ':';
      value.write(out);
      comma = ",";
    }
    out += '}';
  }
}

struct Json::Parser {
  std::string_view in;
  std::size_t at = 0;
  int depth = 0;

  [[noreturn]] void fail(const char* what) const {
    throw std::runtime_error("JSON: " + std::string(what) + " at byte " + std::to_string(at));
  }
  void space() {
    while (at < in.size() && (in[at] == ' ' || in[at] == '\n' || in[at] == '\r' || in[at] == '\t'))
      ++at;
  }
  char peek() const { return at < in.size() ? in[at] : '\0'; }
  bool take(char c) {
    space();
    if (peek() != c) return false;
    ++at;
    return true;
  }
  void word(std::string_view w) {
    if (in.substr(at, w.size()) != w) fail("unexpected text");
    at += w.size();
  }
  unsigned hex4() {
    unsigned value = 0;
    if (at + 4 > in.size()) fail("short \\u escape");
    const auto r = std::from_chars(in.data() + at, in.data() + at + 4, value, 16);
    if (r.ptr != in.data() + at + 4) fail("bad \\u escape");
    at += 4;
    return value;
  }
  static void utf8(std::string& out, unsigned c) {
    const auto put = [&out](unsigned byte) { out += static_cast<char>(byte); };
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xc0 | (c >> 6));
      put(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
      put(0xe0 | (c >> 12));
      put(0x80 | ((c >> 6) & 0x3f));
      put(0x80 | (c & 0x3f));
    } else {
      put(0xf0 | (c >> 18));
      put(0x80 | ((c >> 12) & 0x3f));
      put(0x80 | ((c >> 6) & 0x3f));
      put(0x80 | (c & 0x3f));
    }
  }
  std::string string() {
    std::string out;
    for (++at; at < in.size();) {
      const char c = in[at++];
      if (c == '"') return out;
      if (c != '\\') {
        out += c;
        continue;
      }
      switch (at < in.size() ? in[at++] : '\0') {
        case '"':
          out += '"';
          break;
        case '\\':
          out += '\\';
          break;
        case '/':
          out += '/';
          break;
        case 'b':
          out += '\b';
          break;
        case 'f':
          out += '\f';
          break;
        case 'n':
          out += '\n';
          break;
        case 'r':
          out += '\r';
          break;
        case 't':
          out += '\t';
          break;
        case 'u': {
          unsigned code = hex4();
          if (code >= 0xd800 && code < 0xdc00 && in.substr(at, 2) == "\\u") {
            at += 2;
            const unsigned low = hex4();
            if (low < 0xdc00 || low > 0xdfff) fail("lone surrogate");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          } else if (code >= 0xd800 && code < 0xe000) {
            fail("lone surrogate");
          }
          utf8(out, code);
          break;
        }
        default:
          fail("bad escape");
      }
    }
    fail("string without end");
  }
  Json number() {
    const char* first = in.data() + at;
    const char* last = in.data() + in.size();
    std::int64_t i = 0;
    auto r = std::from_chars(first, last, i);
    if (r.ec == std::errc() &&
        (r.ptr == last || (*r.ptr != '.' && *r.ptr != 'e' && *r.ptr != 'E'))) {
      at += static_cast<std::size_t>(r.ptr - first);
      return i;
    }
    return real(first, last);
  }
#if defined(__cpp_lib_to_chars)
  Json real(const char* first, const char* last) {
    double d = 0;
    const auto r = std::from_chars(first, last, d);
    if (r.ec != std::errc() || !std::isfinite(d)) fail("bad number");
    at += static_cast<std::size_t>(r.ptr - first);
    return d;
  }
#else
  // libc++ reads no double by from_chars before version 20; the stream is deaf to the locale.
  Json real(const char* first, const char* last) {
    const char* end = first;
    while (end != last && std::string_view("+-.eE0123456789").find(*end) != std::string_view::npos)
      ++end;
    std::istringstream words(std::string(first, end));
    words.imbue(std::locale::classic());
    double d = 0;
    if (!(words >> d) || words.peek() != std::istringstream::traits_type::eof() ||
        !std::isfinite(d))
      fail("bad number");
    at += static_cast<std::size_t>(end - first);
    return d;
  }
#endif
  Json value() {
    space();
    if (++depth > 64) fail("nested too deep");
    Json out;
    switch (peek()) {
      case '{':
        ++at;
        out = Json::object();
        if (take('}')) break;
        do {
          space();
          if (peek() != '"') fail("expected a member name");
          std::string name = string();
          if (!take(':')) fail("expected ':'");
          std::get<Object>(out.v_).emplace_back(std::move(name), value());
        } while (take(','));
        if (!take('}')) fail("expected ',' or '}'");
        break;
      case '[':
        ++at;
        out = Json::array();
        if (take(']')) break;
        do out.push(value());
        while (take(','));
        if (!take(']')) fail("expected ',' or ']'");
        break;
      case '"':
        out = string();
        break;
      case 't':
        word("true");
        out = true;
        break;
      case 'f':
        word("false");
        out = false;
        break;
      case 'n':
        word("null");
        break;
      default:
        out = number();
    }
    --depth;
    return out;
  }
};

inline Json Json::parse(std::string_view text) {
  Parser p{text};
  Json out = p.value();
  p.space();
  if (p.at != text.size()) p.fail("text after the end");
  return out;
}

}  // namespace skep

#endif
