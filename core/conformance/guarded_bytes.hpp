// Bytes whose neighbours cannot be touched, and which can be taken away.
#pragma once

#include <cstddef>
#include <string_view>

#include "skep/abi/base.h"

namespace skep::conformance {

/// A copy of some bytes, ending exactly where a page begins that faults on access.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::string_view bytes);
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes();

  void* data() const { return data_; }
  skep_view view() const { return {data_, size_}; }
  /// From now on every access faults, also by whoever kept a pointer. The pages stay reserved.
  void poison();

 private:
  void* map_ = nullptr;
  std::size_t mapped_ = 0;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace skep::conformance
