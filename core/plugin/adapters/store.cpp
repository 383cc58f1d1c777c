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

skep_statement to_abi(const ports::Statement& statement, const std::vector<skep_value>& params) {
  skep_statement out{};
  out.size = sizeof(out);
  out.param_count = static_cast<std::uint32_t>(params.size());
  out.sql = to_view(statement.sql);
  out.params = params.data();
  out.expect_changes = statement.expect_changes;
  return out;
}

std::vector<skep_value> params_of(const ports::Statement& statement) {
  std::vector<skep_value> out;
  out.reserve(statement.params.size());
  for (const Value& value : statement.params) out.push_back(to_abi(value));
  return out;
}

}  // namespace

Result<Results> StoreAdapter::batch(std::span<const ports::Statement> statements) {
  std::vector<std::vector<skep_value>> params;
  params.reserve(statements.size());
  std::vector<skep_statement> in;
  in.reserve(statements.size());
  for (const ports::Statement& statement : statements)
    in.push_back(to_abi(statement, params.emplace_back(params_of(statement))));
  Results out(statements.size());
  const skep_store_rows sink{&out, take_row};
  SKEP_TRY(enter<skep_store_v1>(*route_, [&](auto* t, auto* inst, skep_err* err) {
    return t->batch(inst, in.data(), static_cast<std::uint32_t>(in.size()), &sink, err);
  }));
  return out;
}

Result<std::vector<Row>> StoreAdapter::query(const ports::Statement& statement) {
  const std::vector<skep_value> params = params_of(statement);
  const skep_statement in = to_abi(statement, params);
  Results out(1);
  const skep_store_rows sink{&out, take_row};
  SKEP_TRY(enter<skep_store_v1>(*route_, [&](auto* t, auto* inst, skep_err* err) {
    return t->query(inst, &in, &sink, err);
  }));
  return std::move(out.front());
}

Status StoreAdapter::migrate(const std::string& name, std::span<const std::string> migrations) {
  std::vector<skep_view> in;
  in.reserve(migrations.size());
  for (const std::string& sql : migrations) in.push_back(to_view(sql));
  return enter<skep_store_v1>(*route_, [&](auto* t, auto* inst, skep_err* err) {
    return t->migrate(inst, name.c_str(), in.data(), static_cast<std::uint32_t>(in.size()), err);
  });
}

}  // namespace skep::plugin
