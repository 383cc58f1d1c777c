// One SQLite file owned by one process: lock, schema, the writer and a few read-only readers.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "connection.hpp"
#include "readers.hpp"
#include "write_ahead_log.hpp"
#include "writer.hpp"

namespace skep::sqlite {

struct Options {
  std::string path;  ///< ":memory:" keeps everything in memory, without readers
  bool full_sync = true;
  std::int64_t busy_timeout_ms = 5'000;
  /// Reads the component's TOML table; throws SKEP_E_CONFIG.
  static Options parse(std::string_view config_json, std::string_view default_path);
};

/// What a file of this kind looks like. `migrations[i]` makes version i + 1.
struct Schema {
  const char* what;  ///< "queue" or "store"
  std::int32_t application_id;
  std::span<const char* const> migrations;
};

/// Owner of PATH.lock; two processes (or instances) on one file would break each other's caches.
class FileLock {
 public:
  FileLock() = default;
  explicit FileLock(const std::string& path);
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  int fd_ = -1;
};

class Database {
 public:
  /// Opens, locks and migrates. Throws Fault.
  Database(Options options, const Schema& schema, std::function<void()> on_rollback);

  /// See Writer::run. [any]
  template <class Work>
  auto write(const Call& call, std::string_view doing, Work work) {
    return writer_.run({call}, doing, std::move(work));
  }
  /// Runs `work(Connection&)` on one consistent snapshot, without waiting for writers, no longer
  /// than the call goes on and `patience` lasts. [any]
  template <class Work>
  auto read(const Call& call, std::string_view doing, Work work,
            std::chrono::milliseconds patience = Connection::kPatient) {
    if (in_memory_) return writer_.run({call, patience}, doing, std::move(work));
    Readers::Snapshot snapshot(readers_, call, doing);
    const Connection::Limit limit(snapshot.connection(), call, patience);
    return work(snapshot.connection());
  }

 private:
  const Options options_;
  const bool in_memory_;
  FileLock lock_;
  std::unique_ptr<Connection> connection_;
  Readers readers_;
  WriteAheadLog log_;
  Writer writer_;
};

}  // namespace skep::sqlite
