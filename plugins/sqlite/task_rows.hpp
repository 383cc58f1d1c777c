// Rows of worker_tasks, and the few writes that every transition is made of.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "connection.hpp"
#include "skep/kind/queue.h"

namespace skep::sqlite {

extern const std::array<const char*, 6> kQueueMigrations;

inline bool is_held(std::uint32_t state) {
  return state == SKEP_TASK_CLAIMED || state == SKEP_TASK_EXECUTING || state == SKEP_TASK_SUSPECT;
}
inline bool is_ended(std::uint32_t state) { return state >= SKEP_TASK_SUCCEEDED; }

/// The columns of a skep_queue_task: `FROM worker_tasks t JOIN task_params p USING (seq)`, with
/// what changes over a task's life taken from table `live` ("t", or a snapshot of it).
std::string task_columns(std::string_view live);
/// Reads them from column `first` on; the views live until the statement's next step.
skep_queue_task read_task(const Statement& s, int first);

/// A task with its own copy of the texts.
class OwnedTask {
 public:
  explicit OwnedTask(const skep_queue_task& row);
  const skep_queue_task& row() const { return row_; }

 private:
  skep_queue_task row_;
  std::unique_ptr<char[]> bytes_;
};

/// What the guards of a transition look at.
struct TaskCore {
  std::int64_t seq = 0;
  std::uint32_t state = 0;
  std::int64_t attempt = 0;
  std::int64_t tries_used = 0;
  std::int64_t max_attempts = 0;
  std::int64_t crash_count = 0;
  std::int64_t created_ms = 0;
  std::int64_t claimed_ms = 0;
  std::int64_t started_ms = 0;
  std::int64_t lease_expires_ms = 0;
  std::string lease_id;
  std::string worker_id;

  bool fenced_by(std::int64_t of_attempt, std::string_view of_lease) const {
    return attempt == of_attempt && !of_lease.empty() && lease_id == of_lease;
  }
};

std::optional<TaskCore> find_task(Connection& db, std::string_view id);

struct Ending {
  std::uint32_t state;
  std::int64_t started_ms;
  std::int64_t finished_ms;
  std::string_view result;
  std::string_view error;
};
/// Moves to a terminal state and appends the completion.
void end_task(Connection& db, const TaskCore& task, const Ending& ending);

/// Ends the current attempt's row, if it still runs or was only given up.
void end_attempt(Connection& db, const TaskCore& task, std::string_view outcome,
                 std::string_view error, std::int64_t started_ms, std::int64_t finished_ms);

/// Whether the receiver wants more.
bool put(const skep_queue_rows& rows, const skep_queue_task& row);
void put(const skep_queue_verdicts& out, std::uint32_t index, std::int32_t verdict,
         std::string_view note = {});

}  // namespace skep::sqlite
