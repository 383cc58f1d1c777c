// Component "sqlite_queue": skep.kind.queue/1 on one SQLite file. Contract: skep/kind/queue.h.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "database.hpp"
#include "lanes.hpp"
#include "skep/queue.hpp"
#include "task_rows.hpp"

namespace skep::sqlite {

class SqliteQueue final : public Queue {
 public:
  /// A list or a count that takes longer keeps others waiting for a reader, so it ends with
  /// SKEP_E_DEADLINE.
  static constexpr std::chrono::milliseconds kListTime{5'000};

  explicit SqliteQueue(std::string_view config, std::chrono::milliseconds list_time = kListTime);

  void start(Call& call) override;
  void drain(Call& call) override;
  void stop(Call& call) override;

  void enqueue(Call& call, std::int64_t now_ms, Array<skep_queue_task> tasks,
               const Verdicts& out) override;
  void claim(Call& call, std::int64_t now_ms, const skep_queue_filter& filter,
             const skep_queue_rows& rows) override;
  void renew(Call& call, std::int64_t now_ms, Array<skep_queue_lease> leases, std::int64_t lease_ms,
             const Verdicts& out) override;
  void complete(Call& call, std::int64_t now_ms, Array<skep_queue_result> results,
                const Verdicts& out) override;
  void release(Call& call, std::int64_t now_ms, Array<skep_queue_lease> leases,
               const Verdicts& out) override;
  std::int64_t tick(Call& call, std::int64_t now_ms, std::int64_t monotonic_ms) override;
  void overdue(Call& call, std::int64_t cutoff_ms, std::string_view worker_id,
               std::string_view incarnation, const skep_queue_rows& rows) override;
  void lose(Call& call, std::int64_t now_ms, std::int64_t cutoff_ms, Array<skep_queue_loss> losses,
            const Verdicts& out) override;
  void cancel(Call& call, std::int64_t now_ms, std::string_view task_id, std::string_view error,
              const Verdicts& out) override;
  void requeue(Call& call, std::int64_t now_ms, const skep_queue_requeue& what,
               const Verdicts& out) override;
  void read(Call& call, const skep_queue_query& query, const skep_queue_rows& rows) override;
  void attempts(Call& call, std::string_view task_id, const skep_queue_attempts& out) override;
  void completions(Call& call, std::int64_t sequence, std::uint32_t limit,
                   const skep_queue_completions& out) override;
  void stats(Call& call, const skep_queue_counts& out) override;
  void wait(Call& call, std::int64_t timeout_ms, std::uint64_t& token) override;
  std::uint32_t purge(Call& call, std::int64_t before_ms, std::int64_t sequence,
                      std::uint32_t limit) override;

  struct Decided {
    std::int32_t verdict;
    std::string note;
  };
  using Decisions = std::vector<Decided>;

 private:
  using Clock = std::chrono::steady_clock;

  bool claim_again(Call& call, std::int64_t now_ms, const skep_queue_filter& filter,
                   const skep_queue_rows& rows);
  Database& db();
  void announce();
  void follow_clock(Call& call, std::int64_t now_ms, std::int64_t monotonic_ms);
  void stop_waiting(Clock::time_point until);
  static void deliver(const Decisions& decisions, const Verdicts& out);

  Decisions add_all(Connection& db, std::int64_t now_ms, Array<skep_queue_task> tasks);
  Decided add(Connection& db, std::int64_t now_ms, const skep_queue_task& task);
  std::vector<OwnedTask> claim_from(Connection& db, std::int64_t now_ms,
                                    const skep_queue_filter& filter);

  const Options options_;
  const std::chrono::milliseconds list_time_;
  Lanes lanes_;  // before the database, whose writer reports to it
  std::unique_ptr<Database> database_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t version_ = 1;
  Clock::time_point draining_until_{};  ///< until then nobody waits
  std::int64_t ticked_ms_ = 0;          ///< the instant of the last tick, 0 = none yet
  std::int64_t ticked_mono_ms_ = 0;     ///< the same by the clock that is never set, 0 = not told
};

}  // namespace skep::sqlite
