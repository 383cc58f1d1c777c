#include "core/worker/executor.hpp"

#include <pthread.h>

#include <algorithm>
#include <exception>

#include "core/base/json.hpp"
#include "core/base/log.hpp"

namespace skep::worker {
namespace {

/// Weight of the newest run in the mean: about the last ten runs count.
constexpr double kMeanWeight = 0.1;

model::Outcome broken(std::string_view what) {
  model::Outcome out;
  out.error =
      JsonOut().object().key("code").str("internal").key("message").str(what).end_object().take();
  return out;
}

}  // namespace

Executor::Executor(ExecutorOptions options, ports::TaskRunner& runner, Clock& clock,
                   AttemptListener& listener)
    : options_(std::move(options)),
      runner_(runner),
      clock_(clock),
      listener_(listener),
      concurrency_(options_.concurrency),
      batch_size_(options_.batch_size) {
  set_types(runner_.types());
}

Executor::~Executor() { stop(); }

void Executor::submit(std::vector<model::ClaimedTask> tasks) {
  const MutexLock lock(mutex_);
  for (model::ClaimedTask& task : tasks) {
    auto attempt = std::make_shared<Attempt>();
    attempt->task = std::move(task);
    attempt->claimed = clock_.mono_ms();
    waiting_.push_back(std::move(attempt));
    work_.notify_one();
  }
  add_threads();
}

void Executor::resize(int concurrency, int batch_size) {
  const MutexLock lock(mutex_);
  concurrency_ = concurrency;
  batch_size_ = batch_size;
  add_threads();
  work_.notify_all();  // idle slots beyond the new number leave
  change_.notify_all();
}

void Executor::set_types(const std::vector<ports::TaskType>& types) {
  std::map<std::string, std::int64_t> timeouts;
  for (const ports::TaskType& type : types) timeouts[type.name] = type.default_timeout_ms;
  const MutexLock lock(mutex_);
  default_timeouts_ = std::move(timeouts);
}

void Executor::add_threads() {
  for (std::thread& thread : ended_) thread.join();
  ended_.clear();
  auto missing = static_cast<int>(waiting_.size()) - idle_threads_;
  while (missing-- > 0 && static_cast<int>(threads_.size()) < concurrency_) {
    ++idle_threads_;
    std::thread thread([this] {
      pthread_setname_np(pthread_self(), "skep-slot");
      slot();
    });
    threads_.emplace(thread.get_id(), std::move(thread));
  }
}

/// True when this idle thread is one too many: then it is no slot any more.
bool Executor::leave_slot() {
  if (stopping_ || !is_surplus()) return false;
  auto self = threads_.extract(std::this_thread::get_id());
  ended_.push_back(std::move(self.mapped()));
  --idle_threads_;
  return true;
}

void Executor::slot() {
  while (const AttemptRef attempt = next_attempt()) run(*attempt);
}

/// The oldest waiting attempt, now running; null at the end. A thread is idle while it is in here.
Executor::AttemptRef Executor::next_attempt() {
  MutexLock lock(mutex_);
  while (!stopping_ && waiting_.empty() && !is_surplus()) work_.wait(lock);
  if (stopping_ || leave_slot()) return nullptr;
  AttemptRef attempt = waiting_.front();
  waiting_.pop_front();
  --idle_threads_;
  attempt->started = clock_.mono_ms();
  attempt->cancel = std::make_unique<ports::CancelToken>();
  arm_deadline(*attempt);
  running_[attempt->task.lease.lease_id] = attempt;
  if (watchers_ > 0) change_.notify_all();
  return attempt;
}

void Executor::run(Attempt& attempt) {
  const model::ClaimedTask& task = attempt.task;
  log::info(
      "run_dispatched",
      {{"task_id", task.lease.task_id}, {"type", task.type}, {"attempt", task.lease.attempt}});
  if (options_.on_start) options_.on_start();
  ports::TaskEvents events;
  events.output = [&](bool is_stderr, std::string_view bytes) {
    listener_.output(task.lease, is_stderr ? "stderr" : "stdout", bytes);
  };
  events.log = [&](std::string_view json) {
    listener_.output(task.lease, "log", std::string(json) + "\n");
  };
  events.progress = [&](std::uint32_t permille, std::string_view note) {
    JsonOut line;
    line.object().key("permille").integer(permille).key("note").str(note).end_object();
    listener_.output(task.lease, "progress", line.take() + "\n");
  };
  model::Outcome outcome;
  try {
    outcome = runner_.run({task, options_.worker_id, options_.site}, attempt.deadline,
                          *attempt.cancel, events);
  } catch (const std::exception& e) {
    outcome = broken(e.what());
  }
  outcome.queued_ms = attempt.started - attempt.claimed;
  outcome.duration_ms = clock_.mono_ms() - attempt.started;
  const GiveBack give_back = options_.on_end ? options_.on_end(task, outcome) : GiveBack();
  const bool interrupted = is_interrupted(attempt, outcome);
  const bool unable = give_back && !interrupted;
  if (interrupted || unable)
    listener_.dropped(task);
  else
    listener_.finished(task, outcome);
  if (unable) give_back(task.lease);
  retire(attempt, outcome, interrupted);
}

bool Executor::is_interrupted(const Attempt& attempt, const model::Outcome& outcome) {
  if (outcome.kind == model::OutcomeKind::kSucceeded) return false;
  if (attempt.cancel->reason() == ports::CancelReason::kShutdown) return true;
  if (outcome.cause != model::Cause::kSignal) return false;
  // A service manager signals all processes of the node at once, and ours may come last.
  MutexLock lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + options_.moment;
  ++watchers_;
  while (!closed_ && change_.wait_until(lock, {}, until)) {
  }
  --watchers_;
  return closed_;
}

void Executor::retire(const Attempt& attempt, const model::Outcome& outcome, bool interrupted) {
  const MutexLock lock(mutex_);
  const auto ms = static_cast<double>(outcome.duration_ms);
  mean_ms_ = mean_ms_ < 0 ? ms : mean_ms_ + kMeanWeight * (ms - mean_ms_);
  const bool failed = outcome.kind == model::OutcomeKind::kFailed;
  if (failed && !interrupted && !model::is_of_node(outcome.cause)) ++errors_;
  if (interrupted) interrupted_.push_back(attempt.task.lease);
  running_.erase(attempt.task.lease.lease_id);
  ++idle_threads_;
  if (watchers_ > 0) change_.notify_all();
}

int Executor::capacity_now() const {
  const int room = concurrency_ + (is_quick() ? batch_size_ : 0);
  const auto held = static_cast<int>(running_.size() + waiting_.size());
  return stopping_ ? 0 : std::max(0, room - held);
}

/// With prefetched work at hand a claim can wait until it brings half a batch.
int Executor::worthwhile() const { return waiting_.empty() ? 1 : std::max(1, batch_size_ / 2); }

int Executor::capacity() const {
  const MutexLock lock(mutex_);
  return capacity_now();
}

bool Executor::wait_capacity(Millis timeout, std::stop_token stop) {
  MutexLock lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + timeout;
  ++watchers_;
  while (capacity_now() < worthwhile() && change_.wait_until(lock, stop, until)) {
  }
  --watchers_;
  return capacity_now() >= worthwhile();
}

std::vector<ports::Renewal> Executor::held() const {
  const MutexLock lock(mutex_);
  std::vector<ports::Renewal> out;
  for (const auto& [id, attempt] : running_) out.push_back({attempt->task.lease, true});
  for (const AttemptRef& attempt : waiting_) out.push_back({attempt->task.lease, false});
  return out;
}

std::vector<model::Lease> Executor::leases() const {
  std::vector<model::Lease> out;
  for (ports::Renewal& renewal : held()) out.push_back(std::move(renewal.lease));
  return out;
}

ExecutorLoad Executor::load() const {
  const MutexLock lock(mutex_);
  return {concurrency_, static_cast<int>(running_.size()), static_cast<int>(waiting_.size()),
          errors_};
}

MonoMs Executor::oldest_unannounced() const {
  const MutexLock lock(mutex_);
  MonoMs oldest = 0;
  for (const auto& [id, attempt] : running_)
    if (!attempt->announced && (oldest == 0 || attempt->started < oldest))
      oldest = attempt->started;
  return oldest;
}

void Executor::announced(const std::vector<ports::Renewal>& renewals) {
  const MutexLock lock(mutex_);
  for (const ports::Renewal& renewal : renewals) {
    const auto at = running_.find(renewal.lease.lease_id);
    if (at != running_.end() && renewal.executing) at->second->announced = true;
  }
}

bool Executor::cancel(const std::string& task_id, ports::CancelReason reason) {
  return cancel_if([&](const model::Lease& lease) { return lease.task_id == task_id; }, reason);
}

bool Executor::cancel(const model::Lease& lease, ports::CancelReason reason) {
  return cancel_if([&](const model::Lease& held) { return held.lease_id == lease.lease_id; },
                   reason);
}

template <class Match>
bool Executor::cancel_if(const Match& match, ports::CancelReason reason) {
  bool found = false;
  std::vector<AttemptRef> dropped;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, attempt] : running_)
      if (match(attempt->task.lease)) {
        attempt->cancel->cancel(reason);
        found = true;
      }
    std::erase_if(waiting_, [&](const AttemptRef& attempt) {
      if (!match(attempt->task.lease)) return false;
      dropped.push_back(attempt);
      return true;
    });
    if (!dropped.empty()) change_.notify_all();
  }
  drop(dropped);
  return found || !dropped.empty();
}

void Executor::drop(const std::vector<AttemptRef>& attempts) {
  for (const AttemptRef& attempt : attempts) listener_.dropped(attempt->task);
}

void Executor::close() {
  const MutexLock lock(mutex_);
  closed_ = true;
  change_.notify_all();
}

std::vector<model::Lease> Executor::take_waiting() {
  std::vector<AttemptRef> dropped;
  {
    const MutexLock lock(mutex_);
    dropped.assign(waiting_.begin(), waiting_.end());
    waiting_.clear();
  }
  drop(dropped);
  std::vector<model::Lease> out;
  for (const AttemptRef& attempt : dropped) out.push_back(attempt->task.lease);
  return out;
}

void Executor::cancel_running(ports::CancelReason reason) {
  const MutexLock lock(mutex_);
  for (const auto& [id, attempt] : running_) attempt->cancel->cancel(reason);
}

bool Executor::wait_idle(MonoMs deadline, const std::function<bool()>& hurry) {
  constexpr Millis kLook{50};  // how soon a second signal is seen
  while (clock_.mono_ms() < deadline && !hurry())
    if (is_idle_within(kLook)) return true;
  return is_idle_within(Millis{0});
}

bool Executor::is_idle_within(Millis time) {
  MutexLock lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + time;
  ++watchers_;
  while (!running_.empty() && change_.wait_until(lock, {}, until)) {
  }
  --watchers_;
  return running_.empty();
}

std::vector<model::Lease> Executor::take_interrupted() {
  const MutexLock lock(mutex_);
  return std::exchange(interrupted_, {});
}

int Executor::stop() {
  std::map<std::thread::id, std::thread> threads;
  std::vector<std::thread> ended;
  std::thread watcher;
  int stuck = 0;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    deadline_change_.notify_all();
    change_.notify_all();
    threads.swap(threads_);
    ended.swap(ended_);
    watcher.swap(deadline_thread_);
    stuck = static_cast<int>(running_.size());
  }
  for (std::thread& thread : ended) thread.join();
  for (auto& [id, thread] : threads) {
    if (stuck == 0)
      thread.join();
    else
      thread.detach();  // a detached idle slot ends by itself
  }
  if (watcher.joinable()) watcher.join();
  return stuck;
}

void Executor::arm_deadline(Attempt& attempt) {
  std::int64_t timeout = attempt.task.timeout_ms;
  if (timeout <= 0)
    if (const auto type = default_timeouts_.find(attempt.task.type);
        type != default_timeouts_.end())
      timeout = type->second;
  if (timeout <= 0) return;
  attempt.deadline = attempt.started + timeout;
  if (!deadline_thread_.joinable()) deadline_thread_ = std::thread([this] { watch_deadlines(); });
  if (earliest_deadline_ != 0 && earliest_deadline_ <= attempt.deadline) return;
  earliest_deadline_ = attempt.deadline;
  deadline_change_.notify_all();
}

void Executor::watch_deadlines() {
  pthread_setname_np(pthread_self(), "skep-deadline");
  MutexLock lock(mutex_);
  while (!stopping_) {
    const MonoMs now = clock_.mono_ms();
    if (earliest_deadline_ == 0) {
      deadline_change_.wait(lock);
    } else if (earliest_deadline_ > now) {
      deadline_change_.wait_for(lock, Millis{earliest_deadline_ - now});
    } else {
      earliest_deadline_ = cancel_overdue(now);
    }
  }
}

/// The next deadline to wait for, 0 = none.
MonoMs Executor::cancel_overdue(MonoMs now) {
  MonoMs next = 0;
  for (const auto& [id, attempt] : running_) {
    if (attempt->deadline == 0) continue;
    if (attempt->deadline <= now)
      attempt->cancel->cancel(ports::CancelReason::kDeadline);
    else if (next == 0 || attempt->deadline < next)
      next = attempt->deadline;
  }
  return next;
}

}  // namespace skep::worker
