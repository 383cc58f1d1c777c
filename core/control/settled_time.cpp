#include "core/control/settled_time.hpp"

#include <cstdlib>
#include <utility>

#include "core/base/log.hpp"

namespace skep::control {
namespace {

constexpr std::int64_t kLargestStep = 3'600'000;
constexpr std::int64_t kBelievedAfter = 86'400'000;
constexpr std::int64_t kWrittenEach = 60'000;

}  // namespace

std::vector<std::string> SettledTime::migrations() {
  return {"CREATE TABLE settled_time (name TEXT PRIMARY KEY, at_ms BIGINT NOT NULL)"};
}

Result<WallMs> SettledTime::peek() {
  const MutexLock lock(mutex_);
  if (!believed_) SKEP_TRY(recall());
  go_on();
  return *believed_;
}

Result<WallMs> SettledTime::now() {
  SKEP_TRY(peek());
  const MutexLock lock(mutex_);
  if (std::abs(*believed_ - kept_) >= kWrittenEach) SKEP_TRY(keep());
  return *believed_;
}

Status SettledTime::recall() {
  const auto rows = store_.query({"SELECT at_ms FROM settled_time WHERE name = 'now'"});
  if (!rows) return rows.error();
  kept_ = rows->empty() ? 0 : ports::as_int(rows->front().at(0));
  believed_ = rows->empty() ? clock_.wall_ms() : kept_;
  at_ = clock_.mono_ms();
  return {};
}

void SettledTime::go_on() {
  const MonoMs mono = clock_.mono_ms();
  const WallMs wall = clock_.wall_ms();
  *believed_ += mono - std::exchange(at_, mono);
  if (wall <= *believed_ + kLargestStep) {
    believed_ = wall;
    doubted_since_.reset();
    return;
  }
  if (!doubted_since_) {
    doubted_since_ = mono;
    log::warn("clock_ahead",
              {{"by_ms", wall - *believed_},
               {"effect", "nothing is deleted for its age by this clock for a day"}});
  }
  if (mono - *doubted_since_ >= kBelievedAfter) believed_ = wall;
}

Status SettledTime::keep() {
  const ports::Statement now{
      "INSERT INTO settled_time (name, at_ms) VALUES ('now', $1) ON CONFLICT (name) DO UPDATE SET "
      "at_ms = $1",
      {*believed_}};
  if (const auto done = store_.batch({&now, 1}); !done) return done.error();
  kept_ = *believed_;
  return {};
}

}  // namespace skep::control
