// The store as the control role sees it. Contract: sdk/include/skep/kind/store.h.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.hpp"

namespace skep::ports {

using Value = std::variant<std::monostate, std::int64_t, double, std::string>;
using Row = std::vector<Value>;

struct Statement {
  std::string sql;
  std::vector<Value> params{};
  std::int64_t expect_changes = -1;  ///< >= 0: roll back with kState unless exactly so many changed
};

class Store {
 public:
  virtual ~Store() = default;
  /// One transaction; the rows of each statement, by its index.
  virtual Result<std::vector<std::vector<Row>>> batch(std::span<const Statement> statements) = 0;
  virtual Result<std::vector<Row>> query(const Statement& statement) = 0;
  /// Runs those of `migrations`, one statement each, that the schema `name` has not seen: all in
  /// one transaction, so a failed one leaves the schema as it was.
  virtual Status migrate(const std::string& name, std::span<const std::string> migrations) = 0;
};

inline std::int64_t as_int(const Value& v) {
  const auto* i = std::get_if<std::int64_t>(&v);
  return i != nullptr ? *i : 0;
}
inline std::string as_text(const Value& v) {
  const auto* s = std::get_if<std::string>(&v);
  return s != nullptr ? *s : std::string();
}

}  // namespace skep::ports
