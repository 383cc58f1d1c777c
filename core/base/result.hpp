// Result<T>: a value or an Error. [[nodiscard]], unlike boost::system::result in Boost 1.81.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>

#include "core/base/error.hpp"

namespace skep {

/// Thrown only when code reads the value of a failed Result without checking: a bug.
[[noreturn]] inline void throw_exception_from_error(const Error& e, const boost::source_location&) {
  throw std::logic_error("unchecked error: " + e.message);
}

template <class T>
struct [[nodiscard]] Result : boost::system::result<T, Error> {
  using boost::system::result<T, Error>::result;
};

using Status = Result<void>;

}  // namespace skep

/// Leaves the function with the error of `expr` (a Status or Result), if it has one.
#define SKEP_TRY(expr)                                                 \
  do {                                                                 \
    if (auto skep_try_ = (expr); !skep_try_) return skep_try_.error(); \
  } while (false)
