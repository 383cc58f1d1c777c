// C++20 layer over what goes in and out of services: text as views, and back.
#ifndef SKEP_SINK_HPP
#define SKEP_SINK_HPP

#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "skep/host.hpp"

namespace skep {

/// Borrowed: they live as long as the strings.
inline std::vector<skep_view> views(const std::vector<std::string>& strings) {
  std::vector<skep_view> out;
  for (const std::string& s : strings) out.push_back(view(s));
  return out;
}

/// Collects what its sink gets; refuses what goes beyond `cap` bytes with SKEP_E_NO_MEMORY.
class TextSink {
 public:
  explicit TextSink(std::size_t cap = std::numeric_limits<std::size_t>::max()) : cap_(cap) {}
  TextSink(const TextSink&) = delete;
  TextSink& operator=(const TextSink&) = delete;

  const skep_sink* sink() const noexcept { return &sink_; }
  std::string take() { return std::move(text_); }

 private:
  static skep_rc put(void* self, skep_view bytes) noexcept {
    auto& it = *static_cast<TextSink*>(self);
    if (bytes.n > it.cap_ - it.text_.size()) return SKEP_E_NO_MEMORY;
    return guarded(nullptr, [&] { it.text_.append(text(bytes)); });
  }

  std::size_t cap_;
  std::string text_;
  skep_sink sink_{this, put};
};

/// The table of a service; throws SKEP_E_UNSUPPORTED on a host that has none.
template <class Table>
const Table& need_service(const char* id) {
  const auto* table = service<Table>(id);
  if (table == nullptr)
    throw Fault(SKEP_E_UNSUPPORTED, std::string("this host has no service ") + id);
  return *table;
}

}  // namespace skep

#endif
