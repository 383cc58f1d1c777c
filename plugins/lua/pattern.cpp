#include "pattern.hpp"

#include <array>
#include <cctype>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "lua_state.hpp"

namespace skep::lua {
namespace {

constexpr int kMaxCaptures = 32;
constexpr int kMaxPatternDepth = 200;
constexpr std::uint64_t kSteps = 4096;  ///< of the matcher, between two charges
constexpr std::size_t kNone = std::string_view::npos;

class Matcher {
 public:
  Matcher(lua_State* L, std::string_view subject, std::string_view pattern)
      : lua_(L), s_(subject), p_(pattern) {}

  /// Where a match that starts at `at` ends; kNone when there is none.
  std::size_t match(std::size_t at) {
    captures_ = 0;
    return step(at, 0, 0);
  }
  int captures() const { return captures_; }

  /// Pushes capture `i`, or the whole match when there are no captures and i is 0.
  void push(int i, std::size_t first, std::size_t last) const {
    if (i >= captures_) {
      if (i != 0) throw std::runtime_error("invalid capture index %" + std::to_string(i + 1));
      lua_pushlstring(lua_, s_.data() + first, last - first);
      return;
    }
    const Capture& c = at_[static_cast<std::size_t>(i)];
    if (c.state == Capture::kOpen) throw std::runtime_error("unfinished capture in the pattern");
    if (c.state == Capture::kPosition)
      lua_pushinteger(lua_, static_cast<lua_Integer>(c.start) + 1);
    else
      lua_pushlstring(lua_, s_.data() + c.start, c.length);
  }
  /// Pushes all captures; the whole match when there are none and `whole` is set.
  int push_all(std::size_t first, std::size_t last, bool whole) const {
    const int n = captures_ == 0 && whole ? 1 : captures_;
    luaL_checkstack(lua_, n, "too many captures");
    for (int i = 0; i < n; ++i) push(i, first, last);
    return n;
  }

 private:
  struct Capture {
    enum State { kOpen, kClosed, kPosition } state = kOpen;
    std::size_t start = 0;
    std::size_t length = 0;
  };

  void spend(std::size_t steps = 1) {
    steps_ += steps;
    if (steps_ < kSteps) return;
    State::of(lua_).charge(lua_, std::exchange(steps_, 0));
  }
  char pattern_at(std::size_t p) const { return p < p_.size() ? p_[p] : '\0'; }

  /// The end of the single-character class that starts at `p`.
  std::size_t class_end(std::size_t p) {
    const char c = p_[p++];
    if (c == '%') {
      if (p >= p_.size()) throw std::runtime_error("the pattern ends with %");
      return p + 1;
    }
    if (c != '[') return p;
    if (pattern_at(p) == '^') ++p;
    do {
      if (p >= p_.size()) throw std::runtime_error("the pattern has [ without ]");
      spend();
      if (p_[p++] == '%') ++p;
    } while (p >= p_.size() || p_[p] != ']');
    return p + 1;
  }

  static bool in_class(unsigned char c, char letter) {
    bool yes = false;
    switch (std::tolower(static_cast<unsigned char>(letter))) {
      case 'a':
        yes = std::isalpha(c) != 0;
        break;
      case 'c':
        yes = std::iscntrl(c) != 0;
        break;
      case 'd':
        yes = std::isdigit(c) != 0;
        break;
      case 'g':
        yes = std::isgraph(c) != 0;
        break;
      case 'l':
        yes = std::islower(c) != 0;
        break;
      case 'p':
        yes = std::ispunct(c) != 0;
        break;
      case 's':
        yes = std::isspace(c) != 0;
        break;
      case 'u':
        yes = std::isupper(c) != 0;
        break;
      case 'w':
        yes = std::isalnum(c) != 0;
        break;
      case 'x':
        yes = std::isxdigit(c) != 0;
        break;
      default:
        return letter == static_cast<char>(c);
    }
    return std::isupper(static_cast<unsigned char>(letter)) != 0 ? !yes : yes;
  }

  /// `p` at '[', `end` behind ']'.
  bool in_set(unsigned char c, std::size_t p, std::size_t end) {
    bool wanted = true;
    if (pattern_at(++p) == '^') {
      wanted = false;
      ++p;
    }
    for (const std::size_t last = end - 1; p < last;) {
      spend();
      if (p_[p] == '%') {
        if (in_class(c, p_[p + 1])) return wanted;
        p += 2;
      } else if (p + 2 < last && p_[p + 1] == '-') {
        if (static_cast<unsigned char>(p_[p]) <= c && c <= static_cast<unsigned char>(p_[p + 2]))
          return wanted;
        p += 3;
      } else {
        if (static_cast<unsigned char>(p_[p]) == c) return wanted;
        ++p;
      }
    }
    return !wanted;
  }

  bool single(std::size_t s, std::size_t p, std::size_t end) {
    spend();
    if (s >= s_.size()) return false;
    const auto c = static_cast<unsigned char>(s_[s]);
    switch (p_[p]) {
      case '.':
        return true;
      case '%':
        return in_class(c, p_[p + 1]);
      case '[':
        return in_set(c, p, end);
      default:
        return static_cast<unsigned char>(p_[p]) == c;
    }
  }

  std::size_t step(std::size_t s, std::size_t p, int depth) {
    if (depth > kMaxPatternDepth) throw std::runtime_error("the pattern is too complex");
    for (;;) {
      spend();
      if (p >= p_.size()) return s;
      const char c = p_[p];
      if (c == '(') return open(s, p, depth);
      if (c == ')') return close(s, p + 1, depth);
      if (c == '$' && p + 1 == p_.size()) return s == s_.size() ? s : kNone;
      if (c == '%' && p + 1 < p_.size()) {
        const char kind = p_[p + 1];
        if (kind == 'b') {
          s = balanced(s, p + 2);
          if (s == kNone) return kNone;
          p += 4;
          continue;
        }
        if (kind == 'f') {
          const std::size_t end = frontier_end(p + 2);
          if (!frontier(s, p + 2, end)) return kNone;
          p = end;
          continue;
        }
        if (std::isdigit(static_cast<unsigned char>(kind)) != 0) {
          s = back_reference(s, kind);
          if (s == kNone) return kNone;
          p += 2;
          continue;
        }
      }
      const std::size_t end = class_end(p);
      switch (pattern_at(end)) {
        case '?':
          if (single(s, p, end))
            if (const std::size_t e = step(s + 1, end + 1, depth + 1); e != kNone) return e;
          p = end + 1;
          continue;
        case '+':
          return single(s, p, end) ? longest(s + 1, p, end, depth) : kNone;
        case '*':
          return longest(s, p, end, depth);
        case '-':
          return shortest(s, p, end, depth);
        default:
          if (!single(s, p, end)) return kNone;
          ++s;
          p = end;
      }
    }
  }

  std::size_t longest(std::size_t s, std::size_t p, std::size_t end, int depth) {
    std::size_t n = 0;
    while (single(s + n, p, end)) ++n;
    for (;; --n) {
      if (const std::size_t e = step(s + n, end + 1, depth + 1); e != kNone) return e;
      if (n == 0) return kNone;
    }
  }

  std::size_t shortest(std::size_t s, std::size_t p, std::size_t end, int depth) {
    for (;; ++s) {
      if (const std::size_t e = step(s, end + 1, depth + 1); e != kNone) return e;
      if (!single(s, p, end)) return kNone;
    }
  }

  std::size_t open(std::size_t s, std::size_t p, int depth) {
    const bool position = pattern_at(p + 1) == ')';
    if (captures_ >= kMaxCaptures) throw std::runtime_error("too many captures");
    at_[static_cast<std::size_t>(captures_++)] = {position ? Capture::kPosition : Capture::kOpen, s,
                                                  0};
    const std::size_t e = step(s, p + (position ? 2 : 1), depth + 1);
    if (e == kNone) --captures_;
    return e;
  }

  std::size_t close(std::size_t s, std::size_t p, int depth) {
    int i = captures_ - 1;
    while (i >= 0 && at_[static_cast<std::size_t>(i)].state != Capture::kOpen) --i;
    if (i < 0) throw std::runtime_error("the pattern has ) without (");
    Capture& c = at_[static_cast<std::size_t>(i)];
    c.state = Capture::kClosed;
    c.length = s - c.start;
    const std::size_t e = step(s, p, depth + 1);
    if (e == kNone) c.state = Capture::kOpen;
    return e;
  }

  std::size_t balanced(std::size_t s, std::size_t p) {
    if (p + 1 >= p_.size()) throw std::runtime_error("%b needs two characters");
    if (s >= s_.size() || s_[s] != p_[p]) return kNone;
    std::size_t nested = 1;
    for (++s; s < s_.size(); ++s) {
      spend();
      if (s_[s] == p_[p + 1]) {
        if (--nested == 0) return s + 1;
      } else if (s_[s] == p_[p]) {
        ++nested;
      }
    }
    return kNone;
  }

  std::size_t frontier_end(std::size_t p) {
    if (pattern_at(p) != '[') throw std::runtime_error("%f needs a set [..]");
    return class_end(p);
  }
  bool frontier(std::size_t s, std::size_t p, std::size_t end) {
    const auto before = static_cast<unsigned char>(s == 0 ? '\0' : s_[s - 1]);
    const auto here = static_cast<unsigned char>(s < s_.size() ? s_[s] : '\0');
    return !in_set(before, p, end) && in_set(here, p, end);
  }

  std::size_t back_reference(std::size_t s, char digit) {
    const int i = digit - '1';
    if (i < 0 || i >= captures_ || at_[static_cast<std::size_t>(i)].state != Capture::kClosed)
      throw std::runtime_error(std::string("invalid capture index %") + digit);
    const Capture& c = at_[static_cast<std::size_t>(i)];
    spend(c.length / 16);
    return s_.substr(s, c.length) == s_.substr(c.start, c.length) ? s + c.length : kNone;
  }

  lua_State* lua_;
  std::string_view s_;
  std::string_view p_;
  std::array<Capture, kMaxCaptures> at_{};
  int captures_ = 0;
  std::uint64_t steps_ = 0;
};

/// The 0-based offset that an optional argument `init` means; kNone when it is behind the end.
std::size_t start_of(lua_State* L, int arg, std::size_t length) {
  const lua_Integer init = luaL_optinteger(L, arg, 1);
  if (init > 0)
    return static_cast<std::size_t>(init) - 1 <= length ? static_cast<std::size_t>(init) - 1
                                                        : kNone;
  if (init == 0) return 0;
  const auto back = static_cast<std::size_t>(-(init + 1)) + 1;
  return back > length ? 0 : length - back;
}

int find_plain(lua_State* L, std::string_view s, std::string_view p, std::size_t at) {
  const void* hit = ::memmem(s.data() + at, s.size() - at, p.data(), p.size());
  const std::size_t found =
      hit == nullptr ? s.size()
                     : static_cast<std::size_t>(static_cast<const char*>(hit) - s.data());
  State::of(L).charge(L, found - at + p.size());
  if (hit == nullptr) {
    luaL_pushfail(L);
    return 1;
  }
  lua_pushinteger(L, static_cast<lua_Integer>(found) + 1);
  lua_pushinteger(L, static_cast<lua_Integer>(found + p.size()));
  return 2;
}

int search(lua_State* L, bool find) {
  const std::string_view s = check_text(L, 1);
  std::string_view p = check_text(L, 2);
  std::size_t at = start_of(L, 3, s.size());
  if (at == kNone) {
    luaL_pushfail(L);
    return 1;
  }
  State::of(L).charge(L, p.size() / 8);
  if (find && (lua_toboolean(L, 4) != 0 || p.find_first_of("^$*+?.([%-") == kNone))
    return find_plain(L, s, p, at);
  const bool anchored = p.starts_with('^');
  if (anchored) p.remove_prefix(1);
  Matcher m(L, s, p);
  for (; at <= s.size(); ++at) {
    const std::size_t end = m.match(at);
    if (end != kNone) {
      if (!find) return m.push_all(at, end, true);
      lua_pushinteger(L, static_cast<lua_Integer>(at) + 1);
      lua_pushinteger(L, static_cast<lua_Integer>(end));
      return 2 + m.push_all(at, end, false);
    }
    if (anchored) break;
  }
  luaL_pushfail(L);
  return 1;
}

int find(lua_State* L) { return search(L, true); }
int match(lua_State* L) { return search(L, false); }

/// Upvalues: subject, pattern, next offset, end of the last match (0 = none, else offset + 1).
int next_match(lua_State* L) {
  const std::string_view s = to_text(L, lua_upvalueindex(1));
  const std::string_view p = to_text(L, lua_upvalueindex(2));
  const auto last = static_cast<std::size_t>(lua_tointeger(L, lua_upvalueindex(4)));
  Matcher m(L, s, p);
  for (auto at = static_cast<std::size_t>(lua_tointeger(L, lua_upvalueindex(3))); at <= s.size();
       ++at) {
    const std::size_t end = m.match(at);
    if (end == kNone || end + 1 == last) continue;
    lua_pushinteger(L, static_cast<lua_Integer>(end));
    lua_copy(L, -1, lua_upvalueindex(3));
    lua_pushinteger(L, static_cast<lua_Integer>(end) + 1);
    lua_copy(L, -1, lua_upvalueindex(4));
    return m.push_all(at, end, true);
  }
  return 0;
}

int gmatch(lua_State* L) {
  const std::string_view s = check_text(L, 1);
  check_text(L, 2);
  const std::size_t at = start_of(L, 3, s.size());
  lua_settop(L, 2);
  lua_pushinteger(L, static_cast<lua_Integer>(at == kNone ? s.size() + 1 : at));
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, bound<next_match>, 4);
  return 1;
}

/// What a replacement text stands for.
void expand(lua_State* L, const Matcher& m, std::string_view text, std::size_t first,
            std::size_t last, std::string_view subject, luaL_Buffer& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      luaL_addchar(&out, text[i]);
      continue;
    }
    const char c = ++i < text.size() ? text[i] : '\0';
    if (c == '%') {
      luaL_addchar(&out, '%');
    } else if (c == '0') {
      luaL_addlstring(&out, subject.data() + first, last - first);
    } else if (c >= '1' && c <= '9') {
      m.push(c - '1', first, last);
      luaL_tolstring(L, -1, nullptr);
      lua_remove(L, -2);
      luaL_addvalue(&out);
    } else {
      throw std::runtime_error("invalid use of % in the replacement; %% stands for %");
    }
  }
}

/// Adds what argument 3 makes of the match.
void replace(lua_State* L, const Matcher& m, std::size_t first, std::size_t last,
             std::string_view subject, luaL_Buffer& out) {
  const int kind = lua_type(L, 3);
  if (kind == LUA_TFUNCTION) {
    lua_pushvalue(L, 3);
    lua_call(L, m.push_all(first, last, true), 1);
  } else if (kind == LUA_TTABLE) {
    m.push(0, first, last);
    lua_gettable(L, 3);
  } else {
    return expand(L, m, to_text(L, 3), first, last, subject, out);
  }
  if (lua_toboolean(L, -1) == 0) {
    lua_pop(L, 1);
    luaL_addlstring(&out, subject.data() + first, last - first);
  } else if (lua_isstring(L, -1) != 0) {
    luaL_addvalue(&out);
  } else {
    throw std::runtime_error(std::string("invalid replacement value (a ") + luaL_typename(L, -1) +
                             ")");
  }
}

int gsub(lua_State* L) {
  const std::string_view s = check_text(L, 1);
  std::string_view p = check_text(L, 2);
  const int kind = lua_type(L, 3);
  luaL_argexpected(
      L, kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TFUNCTION || kind == LUA_TTABLE,
      3, "string/function/table");
  const lua_Integer most = luaL_optinteger(L, 4, static_cast<lua_Integer>(s.size()) + 1);
  const bool anchored = p.starts_with('^');
  if (anchored) p.remove_prefix(1);
  Matcher m(L, s, p);
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  lua_Integer count = 0;
  std::size_t at = 0;
  for (std::size_t last = kNone; count < most;) {
    const std::size_t end = m.match(at);
    if (end != kNone && end != last) {
      ++count;
      replace(L, m, at, end, s, out);
      at = last = end;
    } else if (at < s.size()) {
      luaL_addchar(&out, s[at++]);
    } else {
      break;
    }
    if (anchored) break;
  }
  if (at < s.size()) luaL_addlstring(&out, s.data() + at, s.size() - at);
  luaL_pushresult(&out);
  lua_pushinteger(L, count);
  return 2;
}

}  // namespace

void install_patterns(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {{"find", bound<find>},
                                            {"match", bound<match>},
                                            {"gmatch", bound<gmatch>},
                                            {"gsub", bound<gsub>},
                                            {nullptr, nullptr}};
  luaL_setfuncs(L, kFunctions, 0);
}

}  // namespace skep::lua
