// RAII over the SQLite C API: a connection with its statement cache, statements in use, errors.
//
// A connection and its statements belong to one thread at a time; the callers see to that.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "skep/call.hpp"
#include "skep/plugin.hpp"

namespace skep::sqlite {

struct Finalize {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, Finalize>;

class Connection;

/// A prepared statement in use; on destruction it is reset and goes back to its connection's cache.
class Statement {
 public:
  Statement(Connection& db, sqlite3_stmt* handle, bool* in_use, StatementHandle owned);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  /// Binds ?1, ?2, ..: integers, doubles, nullptr, and text, which must live until the last step.
  template <class... Args>
  Statement& bind(const Args&... args) {
    int index = 0;
    (set(++index, args), ...);
    return *this;
  }
  template <std::integral I>
  void set(int index, I value) {
    set_int(index, static_cast<std::int64_t>(value));
  }
  void set(int index, double value);
  void set(int index, std::string_view value);
  void set(int index, std::nullptr_t);

  /// True when there is a row.
  bool step();
  /// Runs to the end and returns the number of rows it changed. Then it can be bound again.
  std::int64_t run();

  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }
  double real(int column) const { return sqlite3_column_double(handle_, column); }
  /// Valid until the next step().
  std::string_view text(int column) const;
  sqlite3_stmt* handle() const { return handle_; }

 private:
  void set_int(int index, std::int64_t value);
  void check(int rc);

  Connection& db_;
  sqlite3_stmt* handle_;
  bool* in_use_;
  StatementHandle owned_;
};

enum class Access { kReadWrite, kReadOnly };

class Connection {
 public:
  /// Opens (and with kReadWrite makes) the file. Throws Fault.
  Connection(const std::string& path, Access access, std::int64_t busy_timeout_ms);

  /// A statement of ours: the text is trusted.
  Statement prepare(std::string_view sql) { return prepare_as(sql, false); }
  /// A statement of somebody else: one statement, which may not attach files, set pragmas or touch
  /// transactions. Throws SKEP_E_INVALID.
  Statement prepare_foreign(std::string_view sql) { return prepare_as(sql, true); }
  /// Runs all statements of `sql`, trusted, without results.
  void execute(const char* sql);
  /// First column of the first row, or 0.
  std::int64_t query_int(std::string_view sql);
  /// Sets a pragma and reads it back; throws when SQLite did not take it.
  void set_pragma(const std::string& name, const std::string& value);
  /// The same for a switch of sqlite3_db_config().
  void configure(int option, bool on);
  /// Runs `call(sqlite3*)`, which answers SQLITE_BUSY at once instead of waiting for a lock.
  template <class Call>
  int without_waiting(Call call) {
    sqlite3_busy_timeout(db_.get(), 0);
    const int rc = call(db_.get());
    sqlite3_busy_timeout(db_.get(), busy_timeout_ms_);
    return rc;
  }

  /// While it lives, statements end with the call, as cancelled or out of time, and those that go
  /// on for longer than `patience` with SKEP_E_DEADLINE. One at a time.
  class Limit {
   public:
    Limit(Connection& db, const Call& call, std::chrono::milliseconds patience = kPatient);
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;
    ~Limit();
    /// Throws what ended a statement of ours.
    [[noreturn]] void raise(const std::string& doing) const;

   private:
    static int is_over(void* self);
    Connection& db_;
    const Call& call_;
    const std::chrono::steady_clock::time_point end_;
  };
  static constexpr std::chrono::milliseconds kPatient = std::chrono::hours(24);

  /// Throws SKEP_E_UNAVAILABLE when the open file is no longer the one at its path: what is written
  /// to it would be lost with the process.
  void check_in_place();

  bool in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }
  sqlite3* handle() const { return db_.get(); }
  /// What errors say first, such as "enqueue tasks".
  void set_doing(std::string_view doing) { doing_ = doing; }
  [[noreturn]] void raise(int rc, bool foreign = false) const;

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  struct Cached {
    StatementHandle handle;
    bool in_use = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };

  using Cache = std::unordered_map<std::string, Cached, Hash, std::equal_to<>>;

  Statement prepare_as(std::string_view sql, bool foreign);
  StatementHandle compile(std::string_view sql, bool foreign);
  static int authorize(void* self, int action, const char*, const char*, const char*, const char*);

  std::unique_ptr<sqlite3, Close> db_;  // before the caches: statements go first
  // Apart: a foreign text must not find a statement of ours, such as COMMIT.
  Cache own_cache_;
  Cache foreign_cache_;
  std::string path_;
  int busy_timeout_ms_;
  std::string doing_ = "open";
  bool compiling_foreign_ = false;
  const Limit* limit_ = nullptr;
};

}  // namespace skep::sqlite
