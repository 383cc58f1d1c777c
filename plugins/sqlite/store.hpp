// Component "sqlite_store": skep.kind.store/1 on one SQLite file. Contract: skep/kind/store.h.
#pragma once

#include <memory>
#include <string_view>

#include "database.hpp"
#include "skep/store.hpp"

namespace skep::sqlite {

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::string_view config);

  void start(Call& call) override;
  void stop(Call& call) override;

  void batch(Call& call, Array<skep_statement> statements, const skep_store_rows& rows) override;
  void query(Call& call, const skep_statement& statement, const skep_store_rows& rows) override;
  void migrate(Call& call, std::string_view name, std::span<const skep_view> migrations) override;

 private:
  Database& db();

  const Options options_;
  std::unique_ptr<Database> database_;
};

}  // namespace skep::sqlite
