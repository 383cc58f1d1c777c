// The strict reading of a request's head: what the server accepts before any route is looked up.
//
// Rationale: Beast's parser in Boost 1.81 takes "Transfer-Encoding: xchunked" as an empty body,
// unfolds obs-fold and waits for ever on bare LF, so each rule would be checked beside it anyway.
// The subset accepted here is smaller than those checks.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/net/http.hpp"

namespace skep::net {

inline constexpr std::size_t kMaxHead = 8u << 10;

/// The answer that refuses a request; nothing when there is no objection.
using Refusal = std::optional<HttpResponse>;

struct Head {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  ///< lower-case names; repeated: "a, b"
  std::optional<std::size_t> content_length;
  bool keep_alive = false;
  bool expect_continue = false;
};

/// Looks for the end of a head in a growing buffer, each byte once.
class HeadScanner {
 public:
  enum class State { kMore, kComplete, kBad };
  /// `buffer` starts with the bytes of the calls before. kBad: a control byte or a line that does
  /// not end in CRLF, so that no head can come of it.
  State scan(std::string_view buffer);
  /// Bytes of the head with its empty line, after kComplete.
  std::size_t size() const { return position_; }
  void reset() { *this = {}; }

 private:
  std::size_t position_ = 0;
  std::size_t line_ = 0;  ///< bytes of the current line so far, CR included
};

/// Parses a complete head, its empty line included. After a refusal the state of the stream is
/// unknown: the connection closes.
Refusal parse_head(std::string_view text, Head& head);

/// Splits an origin-form target into the decoded path (without trailing slash) and the query.
Refusal parse_target(std::string_view target, HttpRequest& request);

}  // namespace skep::net
