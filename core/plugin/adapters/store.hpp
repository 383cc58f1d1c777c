// A store plugin as ports::Store.
#pragma once

#include <memory>

#include "core/ports/store.hpp"
#include "skep/kind/store.h"

namespace skep::plugin {

/// [any]. `keep_alive` owns what `table` and `inst` live in.
class StoreAdapter final : public ports::Store {
 public:
  StoreAdapter(const skep_store_v1* table, skep_inst* inst, std::shared_ptr<void> keep_alive)
      : table_(table), inst_(inst), keep_alive_(std::move(keep_alive)) {}

  Result<std::vector<std::vector<ports::Row>>> batch(
      std::span<const ports::Statement> statements) override;
  Result<std::vector<ports::Row>> query(const ports::Statement& statement) override;
  Status migrate(const std::string& name, std::span<const std::string> migrations) override;

 private:
  const skep_store_v1* table_;
  skep_inst* inst_;
  std::shared_ptr<void> keep_alive_;
};

}  // namespace skep::plugin
