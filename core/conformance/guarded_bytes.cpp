#include "core/conformance/guarded_bytes.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>

namespace skep::conformance {

GuardedBytes::GuardedBytes(std::string_view bytes) : size_(bytes.size()) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t usable = (size_ + page - 1) / page * page;
  mapped_ = usable + page;
  map_ = ::mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map_ == MAP_FAILED) throw std::bad_alloc();
  if (usable > 0 && ::mprotect(map_, usable, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
  data_ = static_cast<char*>(map_) + (usable - size_);
  if (size_ > 0) std::memcpy(data_, bytes.data(), size_);
}

GuardedBytes::~GuardedBytes() { ::munmap(map_, mapped_); }

void GuardedBytes::poison() {
  if (::mprotect(map_, mapped_, PROT_NONE) != 0) throw std::bad_alloc();
}

}  // namespace skep::conformance
