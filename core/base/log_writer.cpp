#include "core/base/log_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "core/base/log.hpp"
#include "core/base/mutex.hpp"

namespace skep::log {
namespace {

constexpr Millis kLastFlush{1'000};

std::atomic<std::int64_t> g_dropped{0};

/// False when nobody will ever read it.
bool write_whole(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {  // somebody else made it so: it is shared with our parents
      pollfd p{fd, POLLOUT, 0};
      ::poll(&p, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

/// Outlives its Writer while its thread is stuck in a write.
class Writer::Queue {
 public:
  Queue(int fd, std::size_t capacity) : fd_(fd), capacity_(capacity) {}

  void push(std::string_view line) {
    const MutexLock lock(mutex_);
    if (pending_.size() + writing_ + line.size() + 1 > capacity_) {
      ++untold_;
      ++g_dropped;
      return;
    }
    pending_.append(line) += '\n';
    work_.notify_one();
  }

  bool flush(Millis time) {
    const auto until = std::chrono::steady_clock::now() + time;
    MutexLock lock(mutex_);
    while (busy() && idle_.wait_until(lock, until)) {
    }
    return !busy();
  }

  void end() {
    const MutexLock lock(mutex_);
    ended_ = true;
    work_.notify_one();
  }

  void run() {
    pthread_setname_np(pthread_self(), "skep-log");
    for (std::string batch = next(); !batch.empty(); batch = next()) {
      const bool written = write_whole(fd_, batch);
      const std::int64_t left_out = done();
      if (written && left_out > 0)
        warn("log_lines_dropped",
             {{"count", left_out}, {"reason", "nobody read what this node logs"}});
    }
  }

 private:
  bool busy() const SKEP_REQUIRES(mutex_) { return writing_ > 0 || !pending_.empty(); }

  /// What waits; empty at the end.
  std::string next() {
    MutexLock lock(mutex_);
    while (pending_.empty() && !ended_) work_.wait(lock);
    writing_ = pending_.size();
    return std::exchange(pending_, {});
  }

  /// How many lines were left out that nobody was told of.
  std::int64_t done() {
    const MutexLock lock(mutex_);
    writing_ = 0;
    idle_.notify_all();
    return std::exchange(untold_, 0);
  }

  const int fd_;
  const std::size_t capacity_;
  Mutex mutex_;
  CondVar work_;
  CondVar idle_;
  std::string pending_ SKEP_GUARDED_BY(mutex_);
  std::size_t writing_ SKEP_GUARDED_BY(mutex_) = 0;
  std::int64_t untold_ SKEP_GUARDED_BY(mutex_) = 0;
  bool ended_ SKEP_GUARDED_BY(mutex_) = false;
};

namespace {

/// Where lines go now: to a function of the queue, or to stderr. Never destroyed: threads may log
/// until the process ends.
struct Outlet {
  Mutex mutex;
  std::function<void(std::string_view)> queue SKEP_GUARDED_BY(mutex);
};

Outlet& outlet() {
  static auto* o = new Outlet;
  return *o;
}

void lead_to(std::function<void(std::string_view)> queue) {
  const MutexLock lock(outlet().mutex);
  outlet().queue.swap(queue);
}

}  // namespace

void put_line(std::string_view line) {
  const MutexLock lock(outlet().mutex);
  if (outlet().queue) return outlet().queue(line);
  std::string whole(line);
  write_whole(STDERR_FILENO, whole += '\n');
}

std::int64_t dropped_lines() { return g_dropped; }

Writer::Writer(int fd, std::size_t capacity) : queue_(std::make_shared<Queue>(fd, capacity)) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([queue = queue_] { queue->run(); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  lead_to([queue = queue_](std::string_view line) { queue->push(line); });
}

Writer::~Writer() {
  const bool read = flush(kLastFlush);
  lead_to(read ? std::function<void(std::string_view)>() : [](std::string_view) { ++g_dropped; });
  queue_->end();
}

bool Writer::flush(Millis time) { return queue_->flush(time); }

}  // namespace skep::log
