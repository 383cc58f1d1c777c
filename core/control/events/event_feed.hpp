// Durable events, the reading side: those who follow along get the newest from memory and what is
// older from the store, which only the pump and the opening of a place touch.
//
// It outlives the control plane that made it, so that a stream never asks one that is gone.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/live.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/store.hpp"

namespace skep::control {

struct StoredEvent {
  std::int64_t sequence = 0;  ///< grows by one, for all control planes of a database
  WallMs at = 0;
  std::string kind;
  std::string subject;
  std::string actor;   ///< "" = not known
  std::string fields;  ///< JSON object
};
using StoredEvents = std::vector<std::shared_ptr<const StoredEvent>>;

/// [any], unless said otherwise.
class EventFeed : public std::enable_shared_from_this<EventFeed> {
 public:
  struct Batch {
    StoredEvents events;
    std::int64_t through = 0;  ///< what is kept up to here is in `events` or was before
    bool more = false;         ///< there are further ones already
    bool pending = false;      ///< they are being read: the listener hears when they are there
    bool failed = false;       ///< the store does not answer now; ask again later
    bool closed = false;       ///< the control plane is gone
  };
  class Place;

  /// `store` is used until close().
  EventFeed(ports::Store& store, std::vector<std::string> kept)
      : kept_(std::move(kept)), store_(&store) {}

  /// A place after event `after`, or at the end. It begins at the end, too, and says `reset`, when
  /// the store has not as many events: it is an older one. Asks the store; kUnavailable after
  /// close().
  Result<std::unique_ptr<Place>> open(std::optional<std::int64_t> after);
  /// Patterns (events::matches) of the kinds that are kept now; of others it has at most earlier
  /// ones.
  std::vector<std::string> kept() const { return kept_.get(); }
  void set_kept(std::vector<std::string> kept) { kept_.set(std::move(kept)); }
  /// Is called, on any thread and without a lock, when a place may have something new.
  void set_listener(std::function<void()> listener);

  /// Somebody committed events.
  void poke();
  /// Waits for a poke, or for the time. [pump]
  void wait(Millis time, const std::stop_token& stop);
  /// Brings what places wait for; without places it asks nothing. [pump]
  Status look();
  /// No call asks the store any more; places are told that it is over. Waits for calls under way.
  void close();

 private:
  /// A page that a place waits for; guarded by mutex_.
  struct Request {
    std::int64_t after = 0;
    std::size_t max = 0;
    bool ready = false;
    Batch batch{};
  };

  Batch next(Place& place, std::size_t max);
  Batch page_after(std::int64_t after, std::size_t max);
  Result<std::int64_t> newest_stored();
  Result<StoredEvents> read(std::int64_t after, std::size_t max);
  Result<std::vector<ports::Row>> ask(const ports::Statement& statement);
  Result<bool> extend_window();
  bool serve_requests();
  void tell() const;
  bool covers(std::int64_t after) const SKEP_REQUIRES(mutex_);

  Live<std::vector<std::string>> kept_;
  SharedMutex use_;  ///< held while the store is asked
  ports::Store* store_ SKEP_GUARDED_BY(use_);
  mutable Mutex mutex_;
  StoppableCondVar poke_;
  bool poked_ SKEP_GUARDED_BY(mutex_) = false;
  bool closed_ SKEP_GUARDED_BY(mutex_) = false;
  std::size_t places_ SKEP_GUARDED_BY(mutex_) = 0;
  std::function<void()> listener_ SKEP_GUARDED_BY(mutex_);
  /// The newest that the pump has seen, and it with those before, without a hole.
  std::int64_t newest_ SKEP_GUARDED_BY(mutex_) = 0;
  std::deque<std::shared_ptr<const StoredEvent>> window_ SKEP_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<Request>> requests_ SKEP_GUARDED_BY(mutex_);
};

/// Where one reader stands. One thread at a time.
class EventFeed::Place {
 public:
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  /// At most `max` events that follow, at once.
  Batch next(std::size_t max) { return feed_->next(*this, max); }
  std::int64_t at() const { return after_; }
  bool reset() const { return reset_; }

 private:
  friend class EventFeed;
  Place(std::shared_ptr<EventFeed> feed, std::int64_t after, bool reset)
      : feed_(std::move(feed)), after_(after), reset_(reset) {}
  const std::shared_ptr<EventFeed> feed_;
  std::int64_t after_;
  const bool reset_;
  std::shared_ptr<Request> request_{};
};

}  // namespace skep::control
