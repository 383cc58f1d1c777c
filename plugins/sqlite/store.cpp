#include "store.hpp"

#include <charconv>
#include <string>
#include <vector>

namespace skep::sqlite {
namespace {

constexpr const char* kStoreVersion1 =
    "CREATE TABLE skep_migrations (name TEXT PRIMARY KEY, version INTEGER NOT NULL)";
constexpr const char* kStoreMigrations[] = {kStoreVersion1};
constexpr Schema kStoreSchema{"store", 0x534b5053, kStoreMigrations};  // "SKPS"

/// Rows kept until the commit, so that nobody sees what may yet be undone.
struct KeptRow {
  std::uint32_t statement;
  std::vector<skep_value> columns;
  std::vector<std::string> texts;
};

void bind_one(Statement& s, int index, const skep_value& value) {
  switch (value.type) {
    case SKEP_VALUE_NULL:
      return s.set(index, nullptr);
    case SKEP_VALUE_INT:
      return s.set(index, value.i);
    case SKEP_VALUE_REAL:
      return s.set(index, value.d);
    case SKEP_VALUE_TEXT:
      if (text(value.s).find('\0') != std::string_view::npos)
        throw Fault(SKEP_E_INVALID, "a text parameter holds a zero byte");
      return s.set(index, text(value.s));
    default:
      throw Fault(SKEP_E_INVALID, "a parameter has the unknown type " + std::to_string(value.type));
  }
}

/// SQLite numbers "$2" by first appearance; the contract numbers it by its name.
void bind_params(Statement& s, const skep_statement& statement) {
  const int slots = sqlite3_bind_parameter_count(s.handle());
  for (int slot = 1; slot <= slots; ++slot) {
    const char* raw = sqlite3_bind_parameter_name(s.handle(), slot);
    const std::string_view name = raw != nullptr ? raw : "?";
    std::uint32_t number = 0;
    const auto parsed = std::from_chars(name.data() + 1, name.data() + name.size(), number);
    if (name.front() != '$' || parsed.ptr != name.data() + name.size() || number == 0)
      throw Fault(SKEP_E_INVALID, "parameter " + std::string(name) + " is not of the form $1, $2");
    if (number > statement.param_count)
      throw Fault(SKEP_E_INVALID, "no value for " + std::string(name) + ": " +
                                      std::to_string(statement.param_count) + " were given");
    bind_one(s, slot, statement.params[number - 1]);
  }
}

skep_value read_value(const Statement& s, int column) {
  skep_value v{};
  switch (sqlite3_column_type(s.handle(), column)) {
    case SQLITE_INTEGER:
      v.type = SKEP_VALUE_INT;
      v.i = s.integer(column);
      break;
    case SQLITE_FLOAT:
      v.type = SKEP_VALUE_REAL;
      v.d = s.real(column);
      break;
    case SQLITE_NULL:
      break;
    default:
      v.type = SKEP_VALUE_TEXT;
      v.s = view(s.text(column));
      break;
  }
  return v;
}

std::vector<skep_value> read_values(const Statement& s) {
  std::vector<skep_value> out;
  const int columns = sqlite3_column_count(s.handle());
  for (int c = 0; c < columns; ++c) out.push_back(read_value(s, c));
  return out;
}

KeptRow keep_row(const Statement& s, std::uint32_t statement) {
  KeptRow row{statement, read_values(s), {}};
  row.texts.reserve(row.columns.size());
  for (skep_value& value : row.columns)
    if (value.type == SKEP_VALUE_TEXT) value.s = view(row.texts.emplace_back(text(value.s)));
  return row;
}

void put_row(const skep_store_rows& rows, std::uint32_t statement,
             const std::vector<skep_value>& columns) {
  const skep_rc rc =
      rows.row(rows.ctx, statement, columns.data(), static_cast<std::uint32_t>(columns.size()));
  if (rc < 0) throw Fault(rc, "the receiver of the rows stopped");
}

void run_statement(Connection& db, const skep_statement& statement, std::uint32_t index,
                   std::vector<KeptRow>& kept) {
  const std::int64_t before = sqlite3_total_changes64(db.handle());
  Statement s = db.prepare_foreign(text(statement.sql));
  bind_params(s, statement);
  while (s.step()) kept.push_back(keep_row(s, index));
  const std::int64_t changed = sqlite3_total_changes64(db.handle()) - before;
  if (statement.expect_changes >= 0 && changed != statement.expect_changes)
    throw Fault(SKEP_E_STATE, "changed " + std::to_string(changed) + " rows instead of " +
                                  std::to_string(statement.expect_changes));
}

/// Adds which statement it was to what went wrong.
void run_named(Connection& db, const skep_statement& statement, std::uint32_t index,
               std::vector<KeptRow>& kept) {
  try {
    run_statement(db, statement, index, kept);
  } catch (const Fault& fault) {
    throw Fault(fault.code(), "statement " + std::to_string(index) + ": " + fault.what(),
                fault.retry_ms());
  }
}

std::int64_t version_of(Connection& db, std::string_view name) {
  Statement s = db.prepare("SELECT version FROM skep_migrations WHERE name = ?1");
  return s.bind(name).step() ? s.integer(0) : 0;
}

void migrate_from(Connection& db, const std::string& path, std::string_view name,
                  std::span<const skep_view> migrations) {
  const auto known = static_cast<std::int64_t>(migrations.size());
  const std::int64_t found = version_of(db, name);
  if (found > known)
    throw Fault(SKEP_E_STATE, path + " has version " + std::to_string(found) + " of the " +
                                  std::string(name) + " schema, this skep knows up to " +
                                  std::to_string(known) +
                                  "; run the newer skep, or restore the backup made before it");
  if (found == known) return;
  std::vector<KeptRow> none;
  for (auto i = static_cast<std::size_t>(found); i < migrations.size(); ++i) {
    skep_statement statement{};
    statement.size = sizeof(statement);
    statement.sql = migrations[i];
    statement.expect_changes = -1;
    run_named(db, statement, static_cast<std::uint32_t>(i), none);
  }
  db.prepare(
        "INSERT INTO skep_migrations (name, version) VALUES (?1, ?2)"
        " ON CONFLICT (name) DO UPDATE SET version = excluded.version")
      .bind(name, known)
      .run();
}

}  // namespace

SqliteStore::SqliteStore(std::string_view config) : options_(Options::parse(config, "store.db")) {}

void SqliteStore::start(Call& /*call*/) {
  database_ = std::make_unique<Database>(options_, kStoreSchema, [] {});
}

void SqliteStore::stop(Call& /*call*/) { database_.reset(); }

Database& SqliteStore::db() {
  if (database_ == nullptr) throw Fault(SKEP_E_STATE, "the store is not started");
  return *database_;
}

void SqliteStore::batch(Call& call, Array<skep_statement> statements, const skep_store_rows& rows) {
  if (statements.empty()) return;
  const std::vector<KeptRow> kept = db().write(call, "run a batch", [&](Connection& c) {
    std::vector<KeptRow> all;
    for (std::uint32_t i = 0; i < statements.size(); ++i) run_named(c, statements[i], i, all);
    return all;
  });
  for (const KeptRow& row : kept) put_row(rows, row.statement, row.columns);
}

void SqliteStore::query(Call& call, const skep_statement& statement, const skep_store_rows& rows) {
  db().read(call, "run a query", [&](Connection& c) {
    Statement s = c.prepare_foreign(text(statement.sql));
    if (sqlite3_stmt_readonly(s.handle()) == 0)
      throw Fault(SKEP_E_INVALID, "query() is for SELECT alone; writes go through batch()");
    bind_params(s, statement);
    while (s.step()) put_row(rows, 0, read_values(s));
  });
}

void SqliteStore::migrate(Call& call, std::string_view name,
                          std::span<const skep_view> migrations) {
  db().write(call,
             "migrate " + std::string(name) + " to version " + std::to_string(migrations.size()),
             [&](Connection& c) { migrate_from(c, options_.path, name, migrations); });
}

}  // namespace skep::sqlite
