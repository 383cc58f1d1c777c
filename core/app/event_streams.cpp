#include "core/app/event_streams.hpp"

#include <utility>

#include "core/base/id.hpp"

namespace skep::app {
namespace {

constexpr std::size_t kPiece = 64;           ///< events sent at a time
constexpr MonoMs kKeepAlive = 15'000;        ///< proxies close what is silent for a minute
constexpr Millis kLookForEvents{3'600'000};  ///< events wake it earlier
constexpr std::string_view kHello = ": events of this node\nretry: 2000\n\n";

}  // namespace

/// One stream: where its reader stands.
class EventStreams::Reader {
 public:
  Reader(EventStreams& streams, bool follow) : streams_(streams), follow_(follow) {
    ++streams_.open_;
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { --streams_.open_; }

  void start_at_end() {
    at_ = events::newest();
    text_ += sse_position(streams_.run_, at_);
  }
  void start_after(const EventCursor& cursor) {
    at_ = cursor.number;
    const bool other_run = !cursor.run.empty() && cursor.run != streams_.run_;
    if (!other_run && at_ <= events::newest()) return;
    at_ = 0;
    text_ += sse_gap(streams_.run_, 1, 0, "the node was started again");
  }

  net::StreamPart next() {
    net::StreamPart part;
    part.wait.list = &streams_.waiting_;
    part.wait.ticket = streams_.waiting_.ticket();
    const auto found = events::since(at_, kPiece, Millis{0}, {});
    for (const events::Event& event : found) append(event);
    const bool more = found.size() == kPiece;
    part.end = !follow_ && !more;
    part.wait.until = more ? 0 : clock_.mono_ms() + kKeepAlive;
    part.bytes = text_.empty() ? ": still here\n\n" : std::exchange(text_, {});
    return part;
  }

 private:
  void append(const events::Event& event) {
    if (event.id > at_ + 1)
      text_ += sse_gap(streams_.run_, at_ + 1, event.id - 1, "no longer kept");
    text_ += sse_event(streams_.run_, event);
    at_ = event.id;
  }

  EventStreams& streams_;
  const SystemClock clock_;
  const bool follow_;
  std::uint64_t at_ = 0;  ///< the newest event sent
  std::string text_{kHello};
};

EventStreams::EventStreams(std::size_t most, OnEvent on_event)
    : Service("skep-events"), most_(most), on_event_(std::move(on_event)), run_(random_hex(4)) {}

net::HttpResponse EventStreams::open(const net::HttpRequest& request) {
  const auto value = [&](const std::string& name) {
    const auto at = request.query.find(name);
    return at == request.query.end() ? std::string() : at->second;
  };
  const std::string follow = value("follow");
  if (!follow.empty() && follow != "true" && follow != "false")
    return net::HttpResponse::problem(
        invalid("follow is \"" + follow + "\"; expected true or false").named("bad-query"));
  std::string since(request.header("last-event-id"));
  if (since.empty()) since = value("since");
  auto reader = std::make_shared<Reader>(*this, follow != "false");
  if (open_ > most_)
    return net::HttpResponse::problem(
        Error{Code::kBusy, "this node serves " + std::to_string(most_) + " event streams already"});
  if (since.empty()) {
    reader->start_at_end();
  } else {
    const auto cursor = parse_cursor(since);
    if (!cursor) return net::HttpResponse::problem(cursor.error());
    reader->start_after(*cursor);
  }
  return net::HttpResponse::streaming("text/event-stream", [reader] { return reader->next(); });
}

void EventStreams::run(std::stop_token stop) {
  std::uint64_t at = 0;
  while (!stop.stop_requested()) {
    const auto found = events::since(at, kPiece, kLookForEvents, stop);
    if (found.empty()) continue;
    at = found.back().id;
    waiting_.wake_all();
    if (!on_event_) continue;
    for (const events::Event& event : found) on_event_(event);
  }
}

}  // namespace skep::app
