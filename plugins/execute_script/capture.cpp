#include "capture.hpp"

#include <algorithm>

namespace skep::script {

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
  const std::string tail = tail_.substr(tail_at_) + tail_.substr(0, tail_at_);
  if (!truncated()) return head_ + tail;
  const std::uint64_t missing = total_ - head_cap_ - tail_cap_;
  return head_ + "\n[.. " + std::to_string(missing) + " bytes left out ..]\n" + tail;
}

}  // namespace skep::script
