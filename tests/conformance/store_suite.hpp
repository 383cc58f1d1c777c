// The store conformance suite: what every ports::Store must do. A new implementation compiles
// store_suite.cpp beside a definition of store_backends().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/store.hpp"

namespace skep::test {

struct StoreBackend {
  std::string name;
  bool durable = false;  ///< opening the same folder again finds what was there
  std::function<Result<std::unique_ptr<ports::Store>>(const std::string& dir)> open;
};
inline void PrintTo(const StoreBackend& b, std::ostream* out) { *out << b.name; }

std::vector<StoreBackend> store_backends();

}  // namespace skep::test
