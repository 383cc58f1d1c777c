// What a case of a kind's contract asks for. Where it does not hold the case ends as Broken, with
// what was asked, what came and the words streamed behind it: KIT_EQ(got, 3) << "after a restart".
#pragma once

#include <array>
#include <concepts>
#include <optional>
#include <ranges>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "core/base/result.hpp"
#include "core/conformance/test_case.hpp"
#include "core/ports/queue.hpp"

namespace skep::conformance {

inline constexpr const char* kKindRules = "keep what the kind's header in skep/kind/ promises";

/// A text as a message shows it: in quotes, its end left out when it is long.
std::string shown_text(std::string_view text);

// What has no words of its own.
inline std::string_view to_string(Code code) { return info(code).name; }
inline std::string_view to_string(ports::EnqueueVerdict v) {
  constexpr std::array<std::string_view, 3> kWords{"enqueued", "exists", "conflict"};
  return kWords[static_cast<std::size_t>(v)];
}
inline std::string_view to_string(ports::LeaseVerdict v) {
  constexpr std::array<std::string_view, 3> kWords{"held", "lost", "unknown"};
  return kWords[static_cast<std::size_t>(v)];
}

/// A value as a message shows it: 3, "a", [1, 2], none, queued.
template <class T>
std::string shown(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return shown_text(value);
  } else if constexpr (requires { std::string(to_string(value)); }) {
    return std::string(to_string(value));
  } else if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<std::int64_t>(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return "null";
  } else if constexpr (requires { std::variant_size<T>::value; }) {
    return std::visit([](const auto& v) { return shown(v); }, value);
  } else if constexpr (requires { value.has_value(); }) {
    return value ? shown(*value) : "none";
  } else if constexpr (std::ranges::range<const T>) {
    std::string out;
    for (const auto& item : value) out += (out.empty() ? "" : ", ") + shown(item);
    return "[" + out + "]";
  } else {
    return "something else";
  }
}

/// The words behind a check.
class Words {
 public:
  template <class T>
  Words& operator<<(const T& word) {
    text_ << word;
    return *this;
  }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

/// What is wrong, or "" when the check holds, and where the kit asked.
class Missed {
 public:
  Missed(std::string what, const char* file, int line)
      : what_(std::move(what)), file_(file), line_(line) {}
  bool any() const { return !what_.empty(); }
  /// Throws Broken.
  [[noreturn]] void operator=(const Words& words) const;

 private:
  std::string what_;
  const char* file_;
  int line_;
};

/// Says in every message of this thread what the case was at, until it goes; a step(), too.
class At {
 public:
  explicit At(std::string what);
  At(const At&) = delete;
  At& operator=(const At&) = delete;
  ~At();
};

template <class A, class B, class Holds>
std::string compared(const A& a, const B& b, const char* asked, const char* relation,
                     const Holds& holds) {
  if (holds(a, b)) return {};
  return std::string(asked) + " is " + shown(a) + ", and should be " + relation + shown(b);
}

inline std::string is_true(bool holds, const char* asked, const char* otherwise) {
  return holds ? std::string() : std::string(asked) + " " + otherwise;
}

#define SKEP_KIT_CHECK(text)                                                                      \
  for (const ::skep::conformance::Missed kit_missed(text, __FILE__, __LINE__); kit_missed.any();) \
  kit_missed = ::skep::conformance::Words()
#define SKEP_KIT_COMPARE(a, b, relation, op)    \
  SKEP_KIT_CHECK(::skep::conformance::compared( \
      a, b, #a, relation, [](const auto& x, const auto& y) { return x op y; }))

#define KIT_EQ(a, b) SKEP_KIT_COMPARE(a, b, "", ==)
#define KIT_NE(a, b) SKEP_KIT_COMPARE(a, b, "anything but ", !=)
#define KIT_LT(a, b) SKEP_KIT_COMPARE(a, b, "less than ", <)
#define KIT_LE(a, b) SKEP_KIT_COMPARE(a, b, "at most ", <=)
#define KIT_GT(a, b) SKEP_KIT_COMPARE(a, b, "more than ", >)
#define KIT_GE(a, b) SKEP_KIT_COMPARE(a, b, "at least ", >=)
#define KIT_TRUE(a) \
  SKEP_KIT_CHECK(::skep::conformance::is_true(static_cast<bool>(a), #a, "does not hold"))
#define KIT_FALSE(a) \
  SKEP_KIT_CHECK(::skep::conformance::is_true(!static_cast<bool>(a), #a, "holds"))

/// What the function answered; Broken, with the plugin's own words, when it failed.
template <class T>
T must(Result<T> answer) {
  if (answer) return std::move(*answer);
  throw Broken("a call failed that has to work: " + answer.error().message, kKindRules);
}
inline void must(const Status& answer) {
  if (!answer)
    throw Broken("a call failed that has to work: " + answer.error().message, kKindRules);
}

/// The first element. Broken when there is none.
template <class T>
T first_of(std::vector<T> all) {
  if (!all.empty()) return std::move(all.front());
  throw Broken("an answer was due, and none came", kKindRules);
}
/// Does the text hold the words?
inline bool has(std::string_view text, std::string_view words) {
  return text.find(words) != std::string_view::npos;
}

/// The one element. Broken when there is none or more.
template <class T>
T the_one(std::vector<T> all) {
  if (all.size() == 1) return std::move(all.front());
  throw Broken("one answer was due, and " + std::to_string(all.size()) + " came", kKindRules);
}

}  // namespace skep::conformance
