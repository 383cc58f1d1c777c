// Lanes: the distinct (type, site, target worker, requirements) of tasks that have not ended.
//
// A claim picks the lanes that its worker may serve here, in memory, and asks the database only for
// the head of each, so tasks that others wait for cost nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "connection.hpp"
#include "skep/kind/queue.h"

namespace skep::sqlite {

struct LaneKey {
  std::string_view type;
  std::string_view site;
  std::string_view target_worker;
  std::string_view requirements;
};

class Lanes {
 public:
  /// The cache no longer tells the truth: a transaction that changed lanes was undone. [any]
  void invalidate() noexcept { stale_ = true; }
  bool stale() const noexcept { return stale_; }
  /// Reads all lanes again when stale. Inside the writer's transaction.
  void refresh(Connection& db);
  /// The lane's id; makes it when new. Inside the writer's transaction.
  std::int64_t id_of(Connection& db, const LaneKey& key);
  /// Lanes that the worker of `filter` may serve. A superset is harmless. [any]
  std::vector<std::int64_t> eligible(const skep_queue_filter& filter) const;
  /// Drops lanes without live tasks once they may have become many. In the writer's transaction.
  void drop_empty(Connection& db);
  bool crowded() const;

 private:
  struct Lane {
    std::int64_t id;
    std::string requirements_json;
    std::vector<std::string> requirements;
  };
  void add(std::int64_t id, const LaneKey& key);

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, std::vector<Lane>> lanes_;
  std::size_t count_ = 0;
  std::size_t crowd_ = 256;
  std::atomic<bool> stale_ = true;
};

}  // namespace skep::sqlite
