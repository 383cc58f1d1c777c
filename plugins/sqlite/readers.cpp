#include "readers.hpp"

#include "wait_with_call.hpp"

namespace skep::sqlite {
namespace {

constexpr std::size_t kMaxReaders = 4;

}  // namespace

Readers::Readers(std::string path, std::int64_t busy_timeout_ms)
    : path_(std::move(path)), busy_timeout_ms_(busy_timeout_ms) {
  idle_.reserve(kMaxReaders);
}

Readers::Snapshot::Snapshot(Readers& owner, const Call& call, std::string_view doing)
    : owner_(owner), connection_(owner.take(call, doing)) {
  try {
    connection_->set_doing(doing);
    connection_->execute("BEGIN");
  } catch (...) {
    owner_.give_back(std::move(connection_));
    throw;
  }
}

Readers::Snapshot::~Snapshot() {
  // Ending a read-only transaction writes nothing; it cannot lose anything.
  sqlite3_exec(connection_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  owner_.give_back(std::move(connection_));
}

Readers::Pause::Pause(Readers& owner) : owner_(owner) {
  const std::lock_guard lock(owner_.mutex_);
  owner_.paused_ = true;
}

Readers::Pause::~Pause() {
  const std::lock_guard lock(owner_.mutex_);
  owner_.paused_ = false;
  owner_.changed_.notify_all();
}

bool Readers::Pause::all_ended(std::chrono::milliseconds patience) {
  std::unique_lock lock(owner_.mutex_);
  return owner_.changed_.wait_for(lock, patience, [&] { return owner_.lent_ == 0; });
}

std::unique_ptr<Connection> Readers::take(const Call& call, std::string_view doing) {
  std::unique_lock lock(mutex_);
  const auto free = [&] { return !paused_ && lent_ < kMaxReaders; };
  if (!wait_with_call(changed_, lock, call, free))
    call.check(std::string(doing) + " in " + path_ + ": no reader was free");
  ++lent_;
  if (!idle_.empty()) {
    auto reader = std::move(idle_.back());
    idle_.pop_back();
    return reader;
  }
  lock.unlock();
  try {
    return open();
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

void Readers::give_back(std::unique_ptr<Connection> reader) noexcept {
  const std::lock_guard lock(mutex_);
  if (reader != nullptr) idle_.push_back(std::move(reader));
  --lent_;
  changed_.notify_all();
}

std::unique_ptr<Connection> Readers::open() const {
  auto reader = std::make_unique<Connection>(path_, Access::kReadOnly, busy_timeout_ms_);
  // Checkpoints are the writer's alone: old SQLite can corrupt a log that two connections reset.
  reader->set_pragma("wal_autocheckpoint", "0");
  reader->set_pragma("temp_store", "2");
  reader->configure(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
  return reader;
}

}  // namespace skep::sqlite
