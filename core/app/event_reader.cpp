#include "core/app/event_reader.hpp"

#include <utility>

namespace skep::app {
namespace {

constexpr std::size_t kPiece = 64;     ///< events of each kind at a time
constexpr MonoMs kKeepAlive = 15'000;  ///< proxies close what is silent for a minute
constexpr MonoMs kAgain = 1'000;       ///< after the store did not answer
constexpr std::string_view kHello = ": events of this node\nretry: 2000\n\n";
constexpr std::string_view kForgotten = "no longer kept";

}  // namespace

EventReader::EventReader(std::string run, net::WaitList& waiting, EventWish wish,
                         std::unique_ptr<Place> place)
    : waiting_(waiting), wish_(std::move(wish)), place_(std::move(place)), text_(kHello) {
  here_.run = std::move(run);
  if (place_ != nullptr) here_.sequence = stored_through_ = place_->at();
  if (wish_.since)
    begin(*wish_.since);
  else
    here_.number = events::newest();
  if (!wish_.since) text_ += sse_position(here_);
  if (place_ != nullptr && place_->reset())
    text_ += sse_gap(here_, 0, "the database is an older one");
  told_ = here_;
}

void EventReader::begin(const EventCursor& cursor) {
  const bool same_run = cursor.run.empty() || cursor.run == here_.run;
  if (same_run && cursor.number <= events::newest()) {
    here_.number = cursor.number;
    return;
  }
  text_ += sse_gap(here_, 0, "the node was started again");
}

bool EventReader::wanted(std::string_view name) const {
  return wish_.kinds.empty() || events::matches(wish_.kinds, name);
}

/// Fills what was used up.
EventReader::Stored EventReader::gather() {
  if (node_.empty()) {
    auto found = events::since(here_.number, kPiece, Millis{0}, {});
    node_more_ = found.size() == kPiece;
    for (events::Event& event : found) node_.push_back(std::move(event));
  }
  if (place_ == nullptr || !stored_.empty()) return Stored::kRead;
  stored_more_ = false;
  const auto batch = place_->next(kPiece);
  if (batch.closed) return Stored::kClosed;
  if (batch.pending) return Stored::kPending;
  if (batch.failed) return Stored::kFailed;
  stored_.assign(batch.events.begin(), batch.events.end());
  stored_through_ = batch.through;
  stored_more_ = batch.more;
  return Stored::kRead;
}

void EventReader::take_node_event() {
  const events::Event event = std::move(node_.front());
  node_.pop_front();
  const std::uint64_t missed = event.id - here_.number - 1;
  here_.number = event.id - 1;
  if (missed > 0) text_ += sse_gap(here_, missed, kForgotten);
  here_.number = event.id;
  if (!wanted(event.name)) return;
  text_ += sse_event(here_, event);
  told_ = here_;
}

void EventReader::skip_stored_to(std::int64_t sequence) {
  if (*here_.sequence >= sequence) return;
  const std::int64_t missed = sequence - *here_.sequence;
  here_.sequence = sequence;
  text_ += sse_gap(here_, static_cast<std::uint64_t>(missed), kForgotten);
  told_ = here_;
}

void EventReader::take_stored_event() {
  const auto event = std::move(stored_.front());
  stored_.pop_front();
  skip_stored_to(event->sequence - 1);
  here_.sequence = event->sequence;
  if (!wanted(event->kind)) return;
  text_ += sse_event(here_, *event);
  told_ = here_;
}

/// False when there is none, or one has to be fetched first that may be older.
bool EventReader::take_one() {
  if (node_.empty() && (node_more_ || stored_.empty())) return false;
  if (stored_.empty() && stored_more_) return false;
  const bool node_first =
      stored_.empty() || (!node_.empty() && node_.front().at < stored_.front()->at);
  if (node_first)
    take_node_event();
  else
    take_stored_event();
  return true;
}

net::StreamPart EventReader::next() {
  net::StreamPart part;
  part.wait.list = &waiting_;
  part.wait.ticket = waiting_.ticket(part.wait.key);
  const Stored stored = gather();
  part.end = stored == Stored::kClosed;
  // While older ones are being read, younger ones wait for their turn.
  for (std::size_t n = 0; stored != Stored::kPending && n < kPiece && take_one(); ++n) {
  }
  if (place_ != nullptr && stored_.empty()) skip_stored_to(stored_through_);
  const bool waits = stored == Stored::kPending || stored == Stored::kFailed;
  const bool left = node_more_ || stored_more_ || !node_.empty() || !stored_.empty();
  const bool more = left && stored != Stored::kPending;
  if (!wish_.follow && !more && !waits) part.end = true;
  const MonoMs pause = stored == Stored::kFailed ? kAgain : kKeepAlive;
  part.wait.until = more ? 0 : clock_.mono_ms() + pause;
  if (text_.empty() && here_ != told_) text_ = sse_position(told_ = here_);
  part.bytes = text_.empty() ? ": still here\n\n" : std::exchange(text_, {});
  return part;
}

}  // namespace skep::app
