// The spool: items as files in one folder; the folder is the only ledger.
//
// put() makes a whole batch durable with one write-ahead file. Delivered items never get a file of
// their own; deferred ones do at once. Format and crash behaviour: docs/spool-format.md.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "batch.hpp"
#include "folder.hpp"
#include "ledger.hpp"
#include "skep/spool.hpp"
#include "timed_mutex.hpp"

namespace spool {

struct Config {
  std::string dir;
  Limits limits;
};

struct Item {
  std::string name;
  std::string payload_type;
  std::string task_id;
  std::string body;
};

struct Problem {
  std::string name;
  std::string reason;
};

/// [any] after start(). Functions throw skep::Fault. They end with their call where they wait for
/// each other and between items; what was begun of an item is ended.
class FileSpool {
 public:
  explicit FileSpool(const Config& config)
      : config_{folder_path(config.dir), config.limits}, ledger_(config_.limits) {}

  void start();
  void stop();

  void reserve(const skep::Call& call, std::uint64_t bytes);
  void unreserve(std::uint64_t bytes) noexcept;
  std::vector<std::string> put(const skep::Call& call, skep::Array<skep_spool_item> items);
  void ack(const skep::Call& call, std::span<const skep_view> names);
  void defer(const skep::Call& call, std::span<const skep_view> names);
  void reject(const skep::Call& call, const std::string& name, std::string_view reason);
  std::vector<Item> next(const skep::Call& call, std::uint32_t max);
  skep_spool_stats stats() const { return ledger_.stats(); }
  std::vector<Problem> verify(const skep::Call& call);

 private:
  using Clock = std::chrono::steady_clock;
  using BatchRef = std::shared_ptr<Batch>;
  using Key = std::pair<Micros, std::string>;
  struct Place {  ///< a line of a batch file
    BatchRef batch;
    std::size_t index = 0;
    BatchItem& item() const { return batch->items[index]; }
  };
  struct Entry {
    std::int64_t bytes = 0;
    Place place;  ///< without batch: a file of its own
  };
  using Ready = std::map<Key, Entry>;
  struct Unread {
    Clock::time_point again;  ///< not before this instant
    std::string reason;
  };

  /// The folder's, for no longer than the call goes on: a disk that hangs holds whoever has it.
  using Io = std::unique_lock<TimedMutex>;
  Io lock_io(const skep::Call& call);

  void look(std::int64_t free);

  // All private functions from here on need io_ held.
  // recovery.cpp
  void open();
  void follow_path();
  void reopen();
  void read_again();
  void carry_over(Batch& batch, Folder& to) const;
  std::set<BatchRef> open_batches() const;
  void recover_batches();
  void recover_batch(const std::string& file);
  void quarantine_batch(const std::string& file, const std::string& reason);
  std::vector<std::string> unread_batches() const;
  void forget_unread();
  bool save_damaged(const std::string& file, const std::vector<std::string>& damaged);
  void unread(const std::string& name, const Read& read);
  skep::Fault unread_fault() const;
  void readable(const std::string& name);
  bool waits(const std::string& name) const;
  void rescan();
  void add_found(const std::string& name, Ready& found);
  void look_at_suspects();
  void quarantine_entry(const std::string& name, std::string_view reason);

  // limits.cpp
  void admit(skep::Array<skep_spool_item> items);
  template <class Excess>
  void make_room(std::int64_t bytes, std::int64_t items, const Excess& excess);
  std::string no_room(std::int64_t bytes, std::int64_t items) const;
  bool evict_one(std::string_view payload_type);
  void set_degraded(bool degraded, std::string_view why);
  void show_degraded(std::string_view why);
  Ready::iterator find_ready(const std::string& name);
  void add_ready(Key key, Entry entry);
  void remove_ready(Ready::iterator at);
  void count_ready(std::int64_t bytes);

  // file_spool.cpp
  Micros next_time();
  BatchRef land(std::unordered_map<std::string, Place>::iterator flying);
  void materialise(const BatchRef& batch);
  void write_resident(const BatchRef& batch, std::string_view bytes);
  void settle(const Place& place);
  std::vector<std::string> newest(std::uint32_t max) const;
  bool take_newest(const skep::Call& call, std::uint32_t max, std::vector<Item>& out);
  Read read_batch(const Batch& batch) const;
  Read load(const std::string& name, const Place& place);

  const Config config_;
  Ledger ledger_;
  std::atomic<Clock::time_point> wrote_{};  ///< when something was last written; a failure ends it
  TimedMutex io_;                           ///< everything below
  Folder folder_;
  Micros last_ = 0;
  bool writes_fail_ = false;
  bool lost_ = false;          ///< the path names no folder that can be opened
  bool opened_again_ = false;  ///< another folder, of which nothing was read yet
  Ready ready_;
  std::unordered_map<std::string, Place> in_flight_;
  std::set<std::string> ignored_;  ///< foreign entries, and bad ones that cannot be moved
  /// Items and batch files that could not be read. They stay where they are and are tried again: an
  /// error number says nothing about their bytes.
  std::map<std::string, Unread> unread_;
  Clock::time_point scanned_{};
  Clock::time_point opened_{};
};

}  // namespace spool
