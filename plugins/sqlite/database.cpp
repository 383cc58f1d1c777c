#include "database.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "skep/json.hpp"

namespace skep::sqlite {
namespace {

std::string holder_of(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof(text) - 1, 0);
  return n > 0 ? "process " + std::string(text, static_cast<std::size_t>(n)) : "another process";
}

/// A file of ours that is there becomes 0600. Somebody else's keeps its mode.
void make_private(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return;
  if (found.st_uid != ::geteuid() || (found.st_mode & 077) == 0) return;
  if (::chmod(path.c_str(), 0600) != 0)
    throw Fault(SKEP_E_DENIED, "chmod 600 " + path + ": " + std::strerror(errno) +
                                   "; other users may read it, and lock it for this process");
}

/// A file that is there is not opened: closing it would give up the locks of this process on it.
/// SQLite gives the log and its index the mode of the file.
void make_files_private(const std::string& path) {
  // What cannot be made is said by SQLite, in the words of every other error.
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  for (const char* file : {"", "-wal", "-shm"}) make_private(path + file);
}

void check_identity(Connection& db, const std::string& path, const Schema& schema) {
  db.set_doing("open");
  const std::int64_t id = db.query_int("PRAGMA application_id");
  const bool fresh = db.query_int("SELECT count(*) FROM sqlite_schema") == 0;
  if (id == schema.application_id || (id == 0 && fresh)) return;
  throw Fault(SKEP_E_CONFIG, path + " is a database of something else, not a skep " + schema.what +
                                 "; set another path");
}

void migrate(Connection& db, const std::string& path, const Schema& schema) {
  db.set_doing("migrate the schema");
  const auto known = static_cast<std::int64_t>(schema.migrations.size());
  const std::int64_t found = db.query_int("PRAGMA user_version");
  if (found > known)
    throw Fault(SKEP_E_STATE, path + " has schema version " + std::to_string(found) +
                                  ", this skep knows up to " + std::to_string(known) +
                                  "; run the newer skep, or restore the backup made before it");
  if (found == known) return;
  std::string script = "BEGIN IMMEDIATE;";
  for (std::int64_t version = found; version < known; ++version)
    script += std::string(schema.migrations[static_cast<std::size_t>(version)]) + ";";
  script += "PRAGMA application_id = " + std::to_string(schema.application_id) +
            ";PRAGMA user_version = " + std::to_string(known) + ";COMMIT";
  db.execute(script.c_str());
}

void require_wal(Connection& db, const Options& options, bool in_memory) {
  Statement mode = db.prepare("PRAGMA journal_mode = WAL");
  const bool wal = mode.step() && mode.text(0) == "wal";
  if (!wal && !in_memory)
    throw Fault(SKEP_E_CONFIG, options.path +
                                   ": this file system has no write-ahead log for "
                                   "SQLite; put the file on a local disk");
}

void configure_writer(Connection& db, const Options& options, bool in_memory) {
  require_wal(db, options, in_memory);
  db.set_pragma("synchronous", options.full_sync ? "2" : "1");
  db.set_pragma("journal_size_limit", std::to_string(kCheckpointBytes));
  db.set_pragma("cache_size", "-16384");
  db.set_pragma("temp_store", "2");
  db.set_pragma("foreign_keys", "1");
}

std::unique_ptr<Connection> open_writer(const Options& options, const Schema& schema,
                                        bool in_memory) {
  if (!in_memory) make_files_private(options.path);
  auto db = std::make_unique<Connection>(options.path, Access::kReadWrite, options.busy_timeout_ms);
  check_identity(*db, options.path, schema);
  configure_writer(*db, options, in_memory);
  migrate(*db, options.path, schema);
  return db;
}

}  // namespace

Options Options::parse(std::string_view config_json, std::string_view default_path) {
  const Json config = config_json.empty() ? Json::object() : Json::parse(config_json);
  Options out;
  out.path = config["path"].str(default_path);
  const std::string_view sync = config["synchronous"].str("full");
  if (sync != "full" && sync != "normal")
    throw Fault(SKEP_E_CONFIG, "synchronous is \"" + std::string(sync) +
                                   "\"; it is \"full\" (survives a power cut) or \"normal\"");
  out.full_sync = sync == "full";
  out.busy_timeout_ms = config["busy_timeout_ms"].integer(5'000);
  return out;
}

FileLock::FileLock(const std::string& path) {
  const std::string file = path + ".lock";
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) {
    const int e = errno;
    throw Fault(e == ENOENT ? SKEP_E_NOT_FOUND : SKEP_E_DENIED,
                "open " + file + ": " + std::strerror(e) +
                    "; check that its folder exists and that this user may write there");
  }
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = holder_of(fd_);
    ::close(fd_);
    throw Fault(SKEP_E_STATE,
                path + " is in use by " + holder + " (" + file + "); stop it, or set another path");
  }
  const std::string pid = std::to_string(::getpid());
  // The number only helps the message above; the lock holds without it.
  if (::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) errno = 0;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

Database::Database(Options options, const Schema& schema, std::function<void()> on_rollback)
    : options_(std::move(options)),
      in_memory_(options_.path == ":memory:"),
      lock_(in_memory_ ? FileLock() : FileLock(options_.path)),
      connection_(open_writer(options_, schema, in_memory_)),
      readers_(options_.path, options_.busy_timeout_ms),
      log_(*connection_, readers_, options_.path, schema.what),
      writer_(*connection_, log_, std::move(on_rollback)) {}

}  // namespace skep::sqlite
