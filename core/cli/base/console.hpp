// Where a command writes: data to `out`, messages to `err`, colours only where people see them.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace skep::cli {

/// Why a command failed: an error of ours, or a problem document of the control plane.
struct [[nodiscard]] Failure {
  Error error{};
  std::string problem{};               ///< problem+json as received, "" when the error is ours
  std::vector<std::string> details{};  ///< one line each: "/params/script: is missing"

  Failure() = default;
  Failure(Error e) : error(std::move(e)) {}  // NOLINT(google-explicit-constructor): from SKEP_TRY
  Failure(Error e, std::string problem_json, std::vector<std::string> lines)
      : error(std::move(e)), problem(std::move(problem_json)), details(std::move(lines)) {}
};

[[noreturn]] inline void throw_exception_from_error(const Failure& f,
                                                    const boost::source_location&) {
  throw std::logic_error("unchecked failure: " + f.error.message);
}

/// A value or a Failure.
template <class T>
struct [[nodiscard]] Expected : boost::system::result<T, Failure> {
  using boost::system::result<T, Failure>::result;
};

enum class Style { kGood, kWarn, kBad, kDim, kBold };

struct Console {
  std::ostream& out;
  std::ostream& err;
  bool color_out = false;
  bool color_err = false;
  bool quiet = false;
  bool json_errors = false;  ///< print failures as problem+json
  Clock* time = nullptr;     ///< of all that waits or speaks of time; null = the machine's clock
  bool out_is_tty = false;
  bool err_is_tty = false;
  std::size_t width = 0;  ///< columns that a line may have; 0 = any
  std::string place{};    ///< place_of() the arguments, for the commands that come next

  Clock& clock() const;
  WallMs now_ms() const { return clock().wall_ms(); }
  /// A message for people on `err`, control characters made visible; nothing when quiet. Commands
  /// after "next:" are those of with_place().
  void note(std::string_view text) const;
  /// The text, coloured when `out` takes colours.
  std::string paint(Style style, std::string_view text) const;
};

/// `error: MESSAGE   [code]`, details and `  next:  ..` lines, or the problem object.
void print_failure(const Console& console, const Failure& failure);
/// The exit code of a command that ends with `failure`.
int exit_code_of(const Failure& failure);
/// RFC 9457 object of an error of ours; `messages`, when there are any, are its "errors".
std::string problem_json(const Error& error, const std::vector<std::string>& messages = {});
/// One failure out of several problems: the first is its message, the others are details, and
/// "errors" of the problem object holds them all.
Failure failure_of_all(Error error, std::vector<std::string> problems);
/// A usage error (exit code 2) with what to type instead.
Error usage_error(std::string message, std::string next = {});

}  // namespace skep::cli
