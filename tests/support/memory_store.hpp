// A ports::Store that lives in memory: the SQLite store on ":memory:". For unit tests.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/ports/store.hpp"

namespace skep::test {

class MemoryStore final : public ports::Store {
 public:
  MemoryStore();
  Result<std::vector<std::vector<ports::Row>>> batch(
      std::span<const ports::Statement> statements) override {
    if (failure) return *failure;
    if (before_batch) before_batch();
    return store_->batch(statements);
  }
  Result<std::vector<ports::Row>> query(const ports::Statement& statement) override {
    return store_->query(statement);
  }
  Status migrate(const std::string& name, std::span<const std::string> migrations) override {
    return store_->migrate(name, migrations);
  }

  std::optional<Error> failure;  ///< what batch() answers instead of writing
  std::function<void()> before_batch;

 private:
  std::unique_ptr<ports::Store> store_;
};

}  // namespace skep::test
