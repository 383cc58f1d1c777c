// What workers prove themselves with: who has which credential, kept as hashes.
//
// A worker gets one when it registers and a new one with each new process of it, or when it
// registers again a month later. The former one stays good until the new one is used, so a lost
// reply locks nobody out, nor does a clock. Kept in memory; a row per worker in the store.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

class WorkerCredentials {
 public:
  /// `proven` is told of each worker that shows its own for the first time; it takes no credential.
  using Proven = std::function<void(const std::string& worker_id)>;
  explicit WorkerCredentials(ports::Store& store, Proven proven = {})
      : store_(store), proven_(std::move(proven)) {}

  static std::vector<std::string> migrations();
  Status load();

  /// The worker whose credential this is, "" = nobody's. The first use of a new one ends the
  /// former one. Does no I/O. [any]
  std::string worker_of(std::string_view credential);
  /// The worker has shown its own since this process began: it has no need of another one.
  bool is_proven(const std::string& worker_id) const;

  struct Issue {
    std::string credential;      ///< for the worker alone
    ports::Statement statement;  ///< makes it last; commit() makes it count
    std::string worker_id;
    std::string hash;
    WallMs issued_ms = 0;
    bool to_newcomer = false;  ///< who has not shown an earlier one
  };
  /// Time for a new one: the last is 30 days old, or did not reach the worker, which shows the
  /// former.
  bool is_due(WallMs now, const std::string& worker_id) const;
  /// A new credential: 256 random bits.
  Issue issue(WallMs now, const std::string& worker_id) const;
  /// The statement of `issue` is in the store.
  void commit(const Issue& issue);
  static ports::Statement removal(const std::string& worker_id);
  /// The statement removal() is in the store.
  void forget(const std::string& worker_id);
  /// Writes down that the former credential has ended, when it has since the last time. [any]
  Status settle(const std::string& worker_id);

 private:
  struct Held {
    std::string hash;
    std::string former;  ///< good until `hash` is used; "" = it was, or there is none
    bool proven = false;
    WallMs issued_ms = 0;  ///< of `hash`
    const std::string& in_use() const { return former.empty() ? hash : former; }
  };

  ports::Store& store_;
  const Proven proven_;
  mutable Mutex mutex_;
  std::map<std::string, Held> held_ SKEP_GUARDED_BY(mutex_);                         ///< by worker
  std::map<std::string, std::string, std::less<>> workers_ SKEP_GUARDED_BY(mutex_);  ///< by hash
  std::set<std::string> unwritten_ SKEP_GUARDED_BY(mutex_);  ///< workers; see settle()
};

}  // namespace skep::control
