// Keeps the first and the last part of a stream that may be endless.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace skep::script {

/// How many bytes `text` has as a JSON string, the quotes not counted: a control byte has 6 of
/// them, a byte that is not UTF-8 has 3.
std::size_t encoded_size(std::string_view text);

/// Keeps a quarter of `cap` from the beginning and the rest from the end.
class Capture {
 public:
  explicit Capture(std::size_t cap) : head_cap_(cap / 4), tail_cap_(cap - cap / 4) {}

  void add(std::string_view bytes);
  std::uint64_t total() const { return total_; }
  bool truncated() const { return total_ > head_cap_ + tail_cap_; }
  /// What was kept; a line in the gap says how many bytes are missing.
  std::string text() const;
  /// The same with a wider gap: as a JSON string it has at most `encoded_max` bytes, 4 KiB or more.
  std::string text(std::size_t encoded_max) const;

 private:
  std::string tail() const { return tail_.substr(tail_at_) + tail_.substr(0, tail_at_); }
  std::string around_gap(std::string_view head, std::string_view tail) const;

  std::size_t head_cap_;
  std::size_t tail_cap_;
  std::string head_;
  std::string tail_;         // a ring once it has tail_cap_ bytes
  std::size_t tail_at_ = 0;  // its oldest byte
  std::uint64_t total_ = 0;
};

}  // namespace skep::script
