#include "core/plugin/adapters/store.hpp"

#include "core/plugin/view.hpp"

namespace skep::plugin {
namespace {

using ports::Row;
using ports::Value;
using Results = std::vector<std::vector<Row>>;

skep_value to_abi(const Value& value) {
  skep_value out{};
  if (const auto* i = std::get_if<std::int64_t>(&value)) {
    out.type = SKEP_VALUE_INT;
    out.i = *i;
  } else if (const auto* d = std::get_if<double>(&value)) {
    out.type = SKEP_VALUE_REAL;
    out.d = *d;
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    out.type = SKEP_VALUE_TEXT;
    out.s = to_view(*s);
  }
  return out;
}

Value from_abi(const skep_value& value) {
  switch (value.type) {
    case SKEP_VALUE_INT:
      return value.i;
    case SKEP_VALUE_REAL:
      return value.d;
    case SKEP_VALUE_TEXT:
      return std::string(text(value.s));
    default:
      return std::monostate{};
  }
}

/// Collects what the plugin yields; nothing may be thrown back into it.
skep_rc take_row(void* ctx, std::uint32_t statement, const skep_value* columns,
                 std::uint32_t n) noexcept {
  auto& results = *static_cast<Results*>(ctx);
  if (statement >= results.size()) return SKEP_E_INVALID;
  try {
    Row row;
    row.reserve(n);
    for (std::uint32_t i = 0; i < n; ++i) row.push_back(from_abi(columns[i]));
    results[statement].push_back(std::move(row));
    return SKEP_OK;
  } catch (const std::bad_alloc&) {
    return SKEP_E_NO_MEMORY;
  }
}

/// What a call owns: the statements, as the plugin reads them, and the rows of each.
struct Run {
  explicit Run(std::span<const ports::Statement> statements)
      : own(statements.begin(), statements.end()), results(own.size()) {
    params.reserve(own.size());
    in.reserve(own.size());
    for (const ports::Statement& statement : own) add(statement);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const std::vector<ports::Statement> own;
  std::vector<std::vector<skep_value>> params;
  std::vector<skep_statement> in;
  Results results;
  const skep_store_rows sink{&results, take_row};

 private:
  void add(const ports::Statement& statement) {
    auto& values = params.emplace_back();
    values.reserve(statement.params.size());
    for (const Value& value : statement.params) values.push_back(to_abi(value));
    skep_statement out{};
    out.size = sizeof(out);
    out.param_count = count_of(values.size());
    out.sql = to_view(statement.sql);
    out.params = values.data();
    out.expect_changes = statement.expect_changes;
    in.push_back(out);
  }
};

}  // namespace

Result<Results> StoreAdapter::batch(std::span<const ports::Statement> statements) {
  const auto run = std::make_shared<Run>(statements);
  SKEP_TRY(call_with<skep_store_v1>(
      *route_, {"batch", route_->limits.step}, run, [](auto& t, const Inside& i, Run& r) {
        return t.batch(i.inst, i.call, r.in.data(), count_of(r.in.size()), &r.sink, i.err);
      }));
  return std::move(run->results);
}

Result<std::vector<Row>> StoreAdapter::query(const ports::Statement& statement) {
  const auto run = std::make_shared<Run>(std::span(&statement, 1));
  SKEP_TRY(call_with<skep_store_v1>(*route_, {"query", route_->limits.step}, run,
                                    [](auto& t, const Inside& i, Run& r) {
                                      return t.query(i.inst, i.call, r.in.data(), &r.sink, i.err);
                                    }));
  return std::move(run->results.front());
}

Status StoreAdapter::migrate(const std::string& name, std::span<const std::string> migrations) {
  struct Schema {
    std::string name;
    std::vector<std::string> statements;
  };
  const auto schema =
      std::make_shared<const Schema>(Schema{name, {migrations.begin(), migrations.end()}});
  return call_with<skep_store_v1>(*route_, {"migrate", route_->limits.whole}, schema,
                                  [](auto& t, const Inside& i, const Schema& s) {
                                    std::vector<skep_view> in;
                                    in.reserve(s.statements.size());
                                    for (const std::string& sql : s.statements)
                                      in.push_back(to_view(sql));
                                    return t.migrate(i.inst, i.call, s.name.c_str(), in.data(),
                                                     count_of(in.size()), i.err);
                                  });
}

}  // namespace skep::plugin
