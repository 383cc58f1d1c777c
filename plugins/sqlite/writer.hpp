// Group commit: whoever writes while another commits joins the next transaction, so that many small
// writes share one fsync. A failing job is undone alone; the others of its group stand.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "connection.hpp"
#include "write_ahead_log.hpp"

namespace skep::sqlite {

class Writer {
 public:
  /// `on_rollback` is called when changes of a job were undone, before the next job runs.
  Writer(Connection& db, WriteAheadLog& log, std::function<void()> on_rollback);

  /// How long a job may take.
  struct Terms {
    const Call& call;
    std::chrono::milliseconds patience = Connection::kPatient;  ///< for its statements
  };
  /// Runs `work(Connection&)` inside a transaction and returns its value once that is durable.
  /// `work` may run twice (when a neighbour broke the first transaction) and on another caller's
  /// thread; it touches nothing but the connection and its own captures. A call that ends before
  /// its work has begun takes it back; once it has, statements end with the call and what they did
  /// is undone. [any]
  template <class Work>
  auto run(const Terms& terms, std::string_view doing, Work work) {
    using Value = std::invoke_result_t<Work&, Connection&>;
    if constexpr (std::is_void_v<Value>) {
      submit(terms, doing, [&](Connection& db) { work(db); });
    } else {
      std::optional<Value> value;
      submit(terms, doing, [&](Connection& db) { value.emplace(work(db)); });
      return std::move(*value);
    }
  }

 private:
  struct Job {
    const Terms& terms;
    std::string doing;
    std::function<void(Connection&)> work;
    std::exception_ptr error;
    bool begun = false;
    bool done = false;
  };

  void submit(const Terms& terms, std::string_view doing, std::function<void(Connection&)> work);
  std::vector<Job*> take_group();
  void lead(const std::vector<Job*>& group) noexcept;
  bool commit_group(const std::vector<Job*>& group);
  void run_in_savepoint(Job& job);
  void do_work(Job& job);
  void run_alone(Job& job);
  void rollback();

  // Touched by the leader only.
  Connection& db_;
  WriteAheadLog& log_;
  std::function<void()> on_rollback_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job*> pending_;
  bool leading_ = false;
};

}  // namespace skep::sqlite
