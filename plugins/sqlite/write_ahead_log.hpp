// The write-ahead log of one file and how it stays short.
//
// Every commit appends to the log. A checkpoint copies it into the file; once no snapshot needs it
// any more it is started again from its beginning. Belongs to whoever writes: one thread at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "connection.hpp"
#include "readers.hpp"

namespace skep::sqlite {

/// A log of so many pages is copied and started again: 16 MiB. The transaction that passes the mark
/// and a snapshot that does not end make it longer; what is over the mark is cut off afterwards.
constexpr int kCheckpointPages = 4'096;
constexpr std::int64_t kCheckpointBytes = kCheckpointPages * std::int64_t{4'096};

class WriteAheadLog {
 public:
  /// From now on `db` is checkpointed here alone. Copies what an earlier process left behind.
  /// `what` names the database in metrics.
  WriteAheadLog(Connection& db, Readers& readers, const std::string& path, const char* what);
  /// Copies all of it, so that the file is whole without its log.
  ~WriteAheadLog();
  WriteAheadLog(const WriteAheadLog&) = delete;
  WriteAheadLog& operator=(const WriteAheadLog&) = delete;

  /// Throws SKEP_E_UNAVAILABLE when the log is no longer the one at its path: what is written to it
  /// would be lost with the process. What it holds is copied into the file first.
  void check_in_place();
  /// After each transaction, even one that failed: copies the log when that is due. What was
  /// committed stands whatever happens here; a failure is told in the host's log and tried again.
  void after_transaction() noexcept;
  /// A transaction met a full disk: starting the log again makes room inside it.
  void disk_is_full() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  static int on_commit(void* self, sqlite3*, const char*, int pages);
  int checkpoint(int mode);
  /// How the attempt ended: SQLITE_OK, SQLITE_BUSY when somebody still reads the log, or an error.
  int copy_and_start_again();
  void tell(const char* event, int rc, const char* when) const;
  void measure() const;

  struct Place {
    dev_t device;
    ino_t number;
    bool operator==(const Place&) const = default;
  };

  Connection& db_;
  Readers& readers_;
  const std::string path_;
  const std::string metric_;
  std::optional<Place> place_;  ///< none before there is a log
  int pages_ = 0;               ///< the log's length after the last commit
  int due_at_ = kCheckpointPages;
  int told_at_ = 0;  ///< the length of which a held log was told last
  Clock::time_point last_try_{};
};

}  // namespace skep::sqlite
