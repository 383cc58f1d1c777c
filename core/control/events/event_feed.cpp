#include "core/control/events/event_feed.hpp"

#include <algorithm>

namespace skep::control {
namespace {

constexpr std::size_t kWindow = 1024;
constexpr std::size_t kPage = 500;

Error gone() { return Error{Code::kUnavailable, "this control plane has stopped"}; }

}  // namespace

Result<std::vector<ports::Row>> EventFeed::ask(const ports::Statement& statement) {
  const ReadLock use(use_);
  if (store_ == nullptr) return gone();
  return store_->query(statement);
}

Result<std::int64_t> EventFeed::newest_stored() {
  const auto rows = ask({"SELECT newest FROM event_sequence"});
  if (!rows) return rows.error();
  if (rows->empty()) return Error{Code::kCorrupt, "the number of the newest event is missing"};
  return ports::as_int(rows->front().at(0));
}

Result<StoredEvents> EventFeed::read(std::int64_t after, std::size_t max) {
  const auto rows =
      ask({"SELECT sequence, at_ms, kind, subject, actor, fields FROM events WHERE sequence > $1 "
           "ORDER BY sequence LIMIT $2",
           {after, static_cast<std::int64_t>(max)}});
  if (!rows) return rows.error();
  StoredEvents out;
  for (const auto& row : *rows)
    out.push_back(std::make_shared<StoredEvent>(
        StoredEvent{ports::as_int(row[0]), ports::as_int(row[1]), ports::as_text(row[2]),
                    ports::as_text(row[3]), ports::as_text(row[4]), ports::as_text(row[5])}));
  return out;
}

Result<std::unique_ptr<EventFeed::Place>> EventFeed::open(std::optional<std::int64_t> after) {
  const auto newest = newest_stored();
  if (!newest) return newest.error();
  const MutexLock lock(mutex_);
  if (closed_) return gone();
  // Nobody followed: what the window had is old, and what it would miss since is in the store.
  if (places_++ == 0) {
    window_.clear();
    newest_ = *newest;
  }
  poked_ = true;  // what was committed since it was asked
  poke_.notify_all();
  const bool reset = after && *after > *newest;
  return std::unique_ptr<Place>(
      new Place(shared_from_this(), after && !reset ? *after : *newest, reset));
}

EventFeed::Place::~Place() {
  const MutexLock lock(feed_->mutex_);
  --feed_->places_;
}

bool EventFeed::covers(std::int64_t after) const {
  return !window_.empty() && window_.front()->sequence <= after + 1;
}

EventFeed::Batch EventFeed::next(Place& place, std::size_t max) {
  const MutexLock lock(mutex_);
  Batch out;
  out.through = place.after_;
  out.closed = closed_;
  if (closed_) return out;
  if (place.request_ != nullptr) {
    out.pending = !place.request_->ready;
    if (out.pending) return out;
    out = std::move(place.request_->batch);
    place.request_.reset();
  } else if (place.after_ < newest_ && !covers(place.after_)) {
    place.request_ = std::make_shared<Request>(Request{place.after_, max});
    requests_.push_back(place.request_);
    out.pending = poked_ = true;
    poke_.notify_all();
    return out;
  } else if (place.after_ < newest_) {
    const auto skipped = static_cast<std::ptrdiff_t>(place.after_ + 1 - window_.front()->sequence);
    for (auto at = window_.begin() + skipped; at != window_.end() && out.events.size() < max; ++at)
      out.events.push_back(*at);
    out.through = out.events.back()->sequence;
  }
  place.after_ = out.through;
  out.more = !out.failed && out.through < newest_;
  return out;
}

void EventFeed::set_listener(std::function<void()> listener) {
  const MutexLock lock(mutex_);
  listener_ = std::move(listener);
}

void EventFeed::tell() const {
  std::function<void()> listener;
  {
    const MutexLock lock(mutex_);
    listener = listener_;
  }
  if (listener) listener();
}

void EventFeed::poke() {
  const MutexLock lock(mutex_);
  if (places_ == 0) return;
  poked_ = true;
  poke_.notify_all();
}

void EventFeed::wait(Millis time, const std::stop_token& stop) {
  const auto until = std::chrono::steady_clock::now() + time;
  MutexLock lock(mutex_);
  while (!poked_ && poke_.wait_until(lock, stop, until)) {
  }
  poked_ = false;
}

/// True when there are new ones.
Result<bool> EventFeed::extend_window() {
  std::int64_t from = 0;
  {
    const MutexLock lock(mutex_);
    if (places_ == 0) {
      window_.clear();
      return false;
    }
    from = newest_;
  }
  bool grew = false;
  for (std::size_t found = kPage; found == kPage;) {
    const auto fresh = read(from, kPage);
    if (!fresh) return fresh.error();
    found = fresh->size();
    const MutexLock lock(mutex_);
    for (const auto& event : *fresh) {
      from = event->sequence;
      if (event->sequence <= newest_) continue;
      // Some were forgotten before anybody saw them: the window has no holes.
      if (event->sequence > newest_ + 1) window_.clear();
      newest_ = event->sequence;
      window_.push_back(event);
      if (window_.size() > kWindow) window_.pop_front();
      grew = true;
    }
  }
  return grew;
}

EventFeed::Batch EventFeed::page_after(std::int64_t after, std::size_t max) {
  Batch out;
  // Before the rows: what is missing up to this number was forgotten.
  const auto newest = newest_stored();
  auto page = newest ? read(after, max) : Result<StoredEvents>(newest.error());
  out.failed = !page;
  out.through = after;
  if (!page) return out;
  out.through = page->empty() ? std::max(after, *newest) : page->back()->sequence;
  out.events = std::move(*page);
  return out;
}

/// True when there were some.
bool EventFeed::serve_requests() {
  std::vector<std::weak_ptr<Request>> asked;
  {
    const MutexLock lock(mutex_);
    asked.swap(requests_);
  }
  for (const auto& weak : asked) {
    const auto request = weak.lock();
    if (request == nullptr) continue;  // its reader has left
    Batch batch = page_after(request->after, request->max);
    const MutexLock lock(mutex_);
    request->batch = std::move(batch);
    request->ready = true;
  }
  return !asked.empty();
}

Status EventFeed::look() {
  const auto grew = extend_window();
  const bool served = serve_requests();
  if (served || (grew && *grew)) tell();
  return grew ? Status{} : Status{grew.error()};
}

void EventFeed::close() {
  {
    const WriteLock use(use_);
    store_ = nullptr;
  }
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    window_.clear();
  }
  tell();
}

}  // namespace skep::control
