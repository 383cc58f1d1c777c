// Durable events, the writing side: what happened to tasks, workers and releases becomes rows of
// the store that join the transaction which causes them. A crash leaves none out and writes none
// twice.
//
// Their numbers come from one row that each such transaction locks first and keeps until it ends:
// on every engine they grow in the order of the commits, without holes, whichever control plane of
// a database writes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/log.hpp"
#include "core/net/http.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

/// Who did it: "operator:token", "worker:w1", "anonymous" for who proved nothing, or kSystem. The
/// kind stands first, so that no name can pass for another kind.
std::string actor_of(const net::Caller& caller);
std::string worker_actor(std::string_view worker_id);
inline constexpr std::string_view kSystem = "system";  ///< the control plane by itself

struct NewEvent {
  WallMs at = 0;
  std::string_view kind;  ///< "task.failed", a literal: tests/lint/events.sh finds it
  std::string subject;    ///< id of the task or worker, name of the release
  std::string actor;      ///< "" = not known
  std::vector<log::Field> fields{};
};

class EventFeed;

/// [any]
class EventLog {
 public:
  /// Which kinds are kept says the feed, for those who write and those who read.
  explicit EventLog(std::shared_ptr<EventFeed> feed) : feed_(std::move(feed)) {}

  static std::vector<std::string> migrations();

  /// Whether events of this kind are written at all.
  bool keeps(std::string_view kind) const;

  /// Puts statements that write those of `events` that are kept at the beginning of `batch`, after
  /// such statements that are there already. Texts are mended to UTF-8 and cut at 1 KiB.
  void append(std::span<const NewEvent> events, std::vector<ports::Statement>& batch) const;
  /// The same as a batch of its own.
  std::vector<ports::Statement> statements(std::span<const NewEvent> events) const;
  /// The transaction is through: those who follow look at once instead of within a second.
  void committed() const;

 private:
  const std::shared_ptr<EventFeed> feed_;
};

}  // namespace skep::control
