// Arrays and structs of the ABI, read as far as both sides know them. See skep/abi/base.h, rule 4.
#ifndef SKEP_ARRAY_HPP
#define SKEP_ARRAY_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

#include "skep/grow.hpp"
#include "skep/host.hpp"

namespace skep {

/// What the caller wrote, as we know the struct: what it does not know is 0. Throws SKEP_E_INVALID
/// for one smaller than in 1.0. Its views are the caller's.
template <class T>
T read(const T* theirs) {
  T mine;
  if (read_struct(theirs, mine) < 0)
    throw Fault(SKEP_E_INVALID, "a struct of the host is smaller than in version 1.0 of the ABI");
  return mine;
}

/// Fills in the caller's struct as far as the caller knows it. Throws as read() does.
template <class T>
void write(T* theirs, const T& mine) {
  if (write_struct(theirs, mine) < 0)
    throw Fault(SKEP_E_INVALID, "a struct of the host is smaller than in version 1.0 of the ABI");
}

/// An array of structs that begin with their size, whose writer may know more or less of them than
/// we do. Borrowed like a view; elements come by value.
template <class T>
class Array {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = T;

    Iterator() = default;
    explicit Iterator(const T* at) : at_(at) {}
    T operator*() const { return read(at_); }
    Iterator& operator++() {
      at_ = static_cast<const T*>(SKEP_AT(at_, 1));
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const T* at_ = nullptr;
  };

  Array() = default;
  /// Throws SKEP_E_INVALID for elements smaller than in 1.0.
  Array(const T* first, std::size_t n) : first_(first), size_(n) {
    if (n > 0) (void)read(first);
  }
  /// Elements of our own.
  Array(std::span<const T> own) : Array(own.data(), own.size()) {}  // NOLINT: stands for one

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  /// REQUIRES: i < size().
  T operator[](std::size_t i) const { return read(at(i)); }
  Iterator begin() const noexcept { return Iterator(first_); }
  Iterator end() const noexcept { return Iterator(size_ == 0 ? first_ : at(size_)); }

 private:
  const T* at(std::size_t i) const noexcept { return static_cast<const T*>(SKEP_AT(first_, i)); }

  const T* first_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace skep

#endif
