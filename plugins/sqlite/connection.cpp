#include "connection.hpp"

#include <cerrno>

namespace skep::sqlite {
namespace {

constexpr std::size_t kMaxCached = 256;
constexpr std::uint32_t kBusyRetryMs = 1'000;

struct Meaning {
  skep_rc code;
  const char* advice;
  std::uint32_t retry_ms = 0;
};

bool is_space_errno(int e) { return e == ENOSPC || e == EDQUOT || e == EFBIG; }

Meaning open_meaning(int system_errno) {
  const char* advice = "; check that its folder exists and that this user may write there";
  if (is_space_errno(system_errno)) return {SKEP_E_NO_MEMORY, "; disk full: free some space"};
  return {system_errno == ENOENT ? SKEP_E_NOT_FOUND : SKEP_E_DENIED, advice};
}

Meaning constraint_meaning(int rc) {
  const bool conflict = rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
                        rc == SQLITE_CONSTRAINT_ROWID || rc == SQLITE_CONSTRAINT_FOREIGNKEY;
  return {conflict ? SKEP_E_STATE : SKEP_E_INVALID, ""};
}

Meaning meaning(int rc, int system_errno) {
  switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {SKEP_E_BUSY, "; another program, such as a sqlite3 shell, has it locked",
              kBusyRetryMs};
    case SQLITE_FULL:
      return {SKEP_E_NO_MEMORY, "; disk full: free some space"};
    case SQLITE_IOERR:
      if (is_space_errno(system_errno)) return {SKEP_E_NO_MEMORY, "; disk full: free some space"};
      return {SKEP_E_UNAVAILABLE, "; check the disk and the system log", kBusyRetryMs};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {SKEP_E_CORRUPT,
              "; stop the host, keep the file aside, then restore a backup or salvage it with "
              "`sqlite3 FILE .recover`"};
    case SQLITE_NOMEM:
      return {SKEP_E_NO_MEMORY, ""};
    case SQLITE_CANTOPEN:
      return open_meaning(system_errno);
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {SKEP_E_DENIED, "; check the owner and the mode of the file"};
    case SQLITE_CONSTRAINT:
      return constraint_meaning(rc);
    case SQLITE_ERROR:
    case SQLITE_AUTH:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
      return {SKEP_E_INVALID, ""};
    default:
      return {SKEP_E_INTERNAL, ""};
  }
}

/// A statement of our own is right, so a name that is not there was taken out of the file.
bool lacks_schema(std::string_view said) {
  return said.starts_with("no such table") || said.starts_with("no such column") ||
         said.starts_with("no such index");
}

}  // namespace

Statement::Statement(Connection& db, sqlite3_stmt* handle, bool* in_use, StatementHandle owned)
    : db_(db), handle_(handle), in_use_(in_use), owned_(std::move(owned)) {}

Statement::~Statement() {
  sqlite3_reset(handle_);  // repeats the error of the last step, which was raised there
  sqlite3_clear_bindings(handle_);
  if (in_use_ != nullptr) *in_use_ = false;
}

void Statement::check(int rc) {
  if (rc != SQLITE_OK) db_.raise(rc);
}

void Statement::set_int(int index, std::int64_t value) {
  check(sqlite3_bind_int64(handle_, index, value));
}

void Statement::set(int index, double value) { check(sqlite3_bind_double(handle_, index, value)); }

void Statement::set(int index, std::string_view value) {
  const char* data = value.data() != nullptr ? value.data() : "";
  check(sqlite3_bind_text64(handle_, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::set(int index, std::nullptr_t) { check(sqlite3_bind_null(handle_, index)); }

bool Statement::step() {
  errno = 0;  // so that raise() sees what this step met
  const int rc = sqlite3_step(handle_);
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) db_.raise(rc);
  return rc == SQLITE_ROW;
}

std::int64_t Statement::run() {
  const std::int64_t before = sqlite3_total_changes64(db_.handle());
  while (step()) {
  }
  sqlite3_reset(handle_);  // cannot fail after SQLITE_DONE
  return sqlite3_total_changes64(db_.handle()) - before;
}

std::string_view Statement::text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  const int size = sqlite3_column_bytes(handle_, column);
  return {data != nullptr ? data : "", static_cast<std::size_t>(size)};
}

Connection::Connection(const std::string& path, Access access, std::int64_t busy_timeout_ms)
    : path_(path), busy_timeout_ms_(static_cast<int>(busy_timeout_ms)) {
  const int mode = access == Access::kReadOnly ? SQLITE_OPEN_READONLY
                                               : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  // Memory statistics cost a process-wide mutex at each allocation. Refused once SQLite is in use:
  // then it merely stays slower.
  [[maybe_unused]] static const int no_statistics = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  const int rc = sqlite3_open_v2(path.c_str(), &raw,
                                 mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  db_.reset(raw);
  if (rc != SQLITE_OK) raise(rc);
  sqlite3_busy_timeout(raw, busy_timeout_ms_);
  configure(SQLITE_DBCONFIG_DEFENSIVE, true);
  configure(SQLITE_DBCONFIG_DQS_DML, false);
  configure(SQLITE_DBCONFIG_DQS_DDL, false);
  sqlite3_set_authorizer(raw, &Connection::authorize, this);
}

int Connection::authorize(void* self, int action, const char*, const char*, const char*,
                          const char*) {
  if (!static_cast<Connection*>(self)->compiling_foreign_) return SQLITE_OK;
  switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_PRAGMA:
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
      return SQLITE_DENY;
    default:
      return SQLITE_OK;
  }
}

void Connection::raise(int rc, bool foreign) const {
  if ((rc & 0xff) == SQLITE_INTERRUPT && limit_ != nullptr) limit_->raise(doing_ + " in " + path_);
  // SQLite keeps the errno of a failed open, but not of a failed write.
  const int last_errno = errno;
  const int kept_errno = db_ != nullptr ? sqlite3_system_errno(db_.get()) : 0;
  Meaning m = meaning(rc, kept_errno != 0 ? kept_errno : last_errno);
  const char* said = db_ != nullptr ? sqlite3_errmsg(db_.get()) : sqlite3_errstr(rc);
  if (rc == SQLITE_ERROR && !foreign && lacks_schema(said))
    m = {SKEP_E_CORRUPT, "; the file has lost part of its schema: restore a backup"};
  throw Fault(m.code,
              doing_ + " in " + path_ + ": " + said + " (" + std::to_string(rc) + ")" + m.advice,
              m.retry_ms);
}

StatementHandle Connection::compile(std::string_view sql, bool foreign) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  compiling_foreign_ = foreign;
  const int rc = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &raw, &tail);
  compiling_foreign_ = false;
  StatementHandle handle(raw);
  if (rc != SQLITE_OK) raise(rc, foreign);
  if (handle == nullptr) throw Fault(SKEP_E_INVALID, doing_ + ": the statement is empty");
  const std::string_view rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
  if (rest.find_first_not_of(" \t\r\n;") != std::string_view::npos)
    throw Fault(SKEP_E_INVALID, doing_ + ": more than one statement; text after the first: " +
                                    std::string(clip_text(rest, 60)));
  return handle;
}

Statement Connection::prepare_as(std::string_view sql, bool foreign) {
  Cache& cache = foreign ? foreign_cache_ : own_cache_;
  auto it = cache.find(sql);
  if (it != cache.end() && it->second.in_use) {
    StatementHandle second = compile(sql, foreign);
    sqlite3_stmt* raw = second.get();
    return {*this, raw, nullptr, std::move(second)};
  }
  if (it == cache.end()) {
    StatementHandle handle = compile(sql, foreign);
    if (cache.size() >= kMaxCached)
      std::erase_if(cache, [](const auto& entry) { return !entry.second.in_use; });
    it = cache.emplace(std::string(sql), Cached{std::move(handle)}).first;
  }
  it->second.in_use = true;
  return {*this, it->second.handle.get(), &it->second.in_use, nullptr};
}

void Connection::execute(const char* sql) {
  const int rc = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) raise(rc);
}

void Connection::set_pragma(const std::string& name, const std::string& value) {
  execute(("PRAGMA " + name + " = " + value).c_str());
  Statement s = prepare("PRAGMA " + name);
  const std::string taken = s.step() ? std::string(s.text(0)) : "nothing";
  if (taken != value)
    throw Fault(SKEP_E_INTERNAL, doing_ + " " + path_ + ": SQLite " + sqlite3_libversion() +
                                     " did not take PRAGMA " + name + " = " + value + ": it is " +
                                     taken);
}

void Connection::configure(int option, bool on) {
  int taken = -1;
  const int rc = sqlite3_db_config(db_.get(), option, on ? 1 : 0, &taken);
  if (rc != SQLITE_OK || taken != (on ? 1 : 0))
    throw Fault(SKEP_E_INTERNAL, doing_ + " " + path_ + ": SQLite " + sqlite3_libversion() +
                                     " did not take option " + std::to_string(option));
}

Connection::Limit::Limit(Connection& db, const Call& call, std::chrono::milliseconds patience)
    : db_(db), call_(call), end_(std::chrono::steady_clock::now() + patience) {
  constexpr int kStepsBetweenLooks = 10'000;
  db_.limit_ = this;
  sqlite3_progress_handler(db_.handle(), kStepsBetweenLooks, &Limit::is_over, this);
}

Connection::Limit::~Limit() {
  sqlite3_progress_handler(db_.handle(), 0, nullptr, nullptr);
  db_.limit_ = nullptr;
}

int Connection::Limit::is_over(void* self) {
  const auto& limit = *static_cast<Limit*>(self);
  return limit.call_.cancelled() || std::chrono::steady_clock::now() >= limit.end_ ? 1 : 0;
}

void Connection::Limit::raise(const std::string& doing) const {
  call_.check(doing);
  throw Fault(SKEP_E_DEADLINE, doing + ": it looks through too much: name a status as well");
}

void Connection::check_in_place() {
  int moved = 0;
  sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved != 0)
    throw Fault(SKEP_E_UNAVAILABLE,
                path_ +
                    " was moved or deleted while it is open; put it back, or stop the host and "
                    "restore a backup",
                kBusyRetryMs);
}

std::int64_t Connection::query_int(std::string_view sql) {
  Statement s = prepare(sql);
  return s.step() ? s.integer(0) : 0;
}

}  // namespace skep::sqlite
