#include "capture.hpp"

#include <algorithm>

#include "skep/json.hpp"

namespace skep::script {
namespace {

/// Measured piece by piece, in smaller ones near the end; a character that two pieces share counts
/// for more than it has.
constexpr std::size_t kPiece = 4096;
/// What the line in the gap may have.
constexpr std::size_t kGapLine = 64;

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; }

/// A beginning of `s` that has at most `encoded_max` bytes as JSON and ends between characters.
std::string_view fitting_head(std::string_view s, std::size_t encoded_max) {
  std::size_t n = 0;
  for (std::size_t step = kPiece; step > 0 && n < s.size();) {
    const std::string_view piece = s.substr(n, step);
    const std::size_t size = encoded_size(piece);
    if (size > encoded_max) {
      step /= 2;
      continue;
    }
    encoded_max -= size;
    n += piece.size();
  }
  for (int i = 0; i < 3 && n > 0 && n < s.size() && continues(s[n]); ++i) --n;
  return s.substr(0, n);
}

/// The same for an end of `s`.
std::string_view fitting_tail(std::string_view s, std::size_t encoded_max) {
  std::size_t at = s.size();
  for (std::size_t step = kPiece; step > 0 && at > 0;) {
    const std::size_t from = at - std::min(at, step);
    const std::size_t size = encoded_size(s.substr(from, at - from));
    if (size > encoded_max) {
      step /= 2;
      continue;
    }
    encoded_max -= size;
    at = from;
  }
  for (int i = 0; i < 3 && at > 0 && at < s.size() && continues(s[at]); ++i) ++at;
  return s.substr(at);
}

/// Without the character at its end that is cut, if one is.
std::string_view whole_head(std::string_view s) {
  std::size_t at = s.size();
  for (int i = 0; i < 3 && at > 0 && continues(s[at - 1]); ++i) --at;
  if (at == 0) return s;
  const auto first = static_cast<unsigned char>(s[at - 1]);
  if (first < 0xc0u || first > 0xf7u) return s;
  const std::size_t length = first >= 0xf0u ? 4 : first >= 0xe0u ? 3 : 2;
  return s.size() - (at - 1) < length ? s.substr(0, at - 1) : s;
}

/// Without the rest of a character at its beginning.
std::string_view whole_tail(std::string_view s) {
  std::size_t at = 0;
  while (at < 3 && at < s.size() && continues(s[at])) ++at;
  return s.substr(at);
}

}  // namespace

std::size_t encoded_size(std::string_view text) {
  std::string quoted;
  Json::quote(quoted, text);
  return quoted.size() - 2;
}

void Capture::add(std::string_view bytes) {
  total_ += bytes.size();
  const std::size_t to_head = std::min(bytes.size(), head_cap_ - head_.size());
  head_.append(bytes.substr(0, to_head));
  bytes.remove_prefix(to_head);
  if (bytes.size() > tail_cap_) bytes.remove_prefix(bytes.size() - tail_cap_);

  const std::size_t to_fill = std::min(bytes.size(), tail_cap_ - tail_.size());
  tail_.append(bytes.substr(0, to_fill));
  bytes.remove_prefix(to_fill);
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), tail_cap_ - tail_at_);
    tail_.replace(tail_at_, n, bytes.substr(0, n));
    tail_at_ = (tail_at_ + n) % tail_cap_;
    bytes.remove_prefix(n);
  }
}

std::string Capture::text() const {
  const std::string all_tail = tail();
  if (total_ == head_.size() + all_tail.size()) return head_ + all_tail;
  return around_gap(whole_head(head_), whole_tail(all_tail));
}

std::string Capture::text(std::size_t encoded_max) const {
  std::string whole = text();
  if (encoded_size(whole) <= encoded_max) return whole;
  const std::size_t room = encoded_max - std::min(encoded_max, kGapLine);
  const std::string kept = tail();
  const std::string_view all_tail = whole_tail(kept);
  // A head may have more than its quarter when the tail leaves it room, and the other way round.
  const std::size_t tail_wants = encoded_size(all_tail);
  const std::size_t head_room = std::max(room / 4, room - std::min(room, tail_wants));
  const std::string_view head = fitting_head(whole_head(head_), head_room);
  return around_gap(head, fitting_tail(all_tail, room - encoded_size(head)));
}

std::string Capture::around_gap(std::string_view head, std::string_view tail) const {
  std::string out(head);
  const std::uint64_t missing = total_ - head.size() - tail.size();
  if (missing > 0) out += "\n[.. " + std::to_string(missing) + " bytes left out ..]\n";
  return out.append(tail);
}

}  // namespace skep::script
