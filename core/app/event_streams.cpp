#include "core/app/event_streams.hpp"

#include <utility>

#include "core/app/event_kinds.hpp"
#include "core/base/id.hpp"
#include "core/base/text.hpp"

namespace skep::app {
namespace {

constexpr std::size_t kAtOnce = 64;
constexpr Millis kLookForEvents{3'600'000};  ///< events wake it earlier
constexpr std::size_t kMostKinds = 32;

std::string value_of(const net::HttpRequest& request, const std::string& name) {
  const auto at = request.query.find(name);
  return at == request.query.end() ? std::string() : at->second;
}

Error bad_query(const std::string& what) { return invalid(what).named("bad-query"); }

Result<EventWish> wish_of(const net::HttpRequest& request) {
  EventWish wish;
  const std::string follow = value_of(request, "follow");
  if (!follow.empty() && follow != "true" && follow != "false")
    return bad_query("follow is \"" + follow + "\"; expected true or false");
  wish.follow = follow != "false";
  if (const std::string kinds = value_of(request, "kind"); !kinds.empty())
    wish.kinds = split(kinds, ',');
  for (const std::string& kind : wish.kinds)
    if (!events::is_pattern(kind) || wish.kinds.size() > kMostKinds)
      return bad_query(
          "kind: expected names or beginnings with *, with commas between them, such as "
          "task.failed,worker.*");
  std::string since(request.header("last-event-id"));
  if (since.empty()) since = value_of(request, "since");
  if (since.empty()) return wish;
  auto cursor = parse_cursor(since);
  if (!cursor) return cursor.error();
  wish.since = std::move(*cursor);
  return wish;
}

/// Where that is in the durable events. An id without their number was given before there were any.
std::optional<std::int64_t> sequence_of(const EventWish& wish) {
  if (!wish.since || wish.since->sequence) return wish.since ? wish.since->sequence : std::nullopt;
  const bool all = wish.since->run.empty() && wish.since->number == 0;
  return all ? std::optional<std::int64_t>(0) : std::nullopt;
}

}  // namespace

/// One of the streams that may be open.
class EventStreams::Seat {
 public:
  explicit Seat(std::atomic<std::size_t>& taken) : taken_(taken) { ++taken_; }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() { --taken_; }

 private:
  std::atomic<std::size_t>& taken_;
};

EventStreams::EventStreams(std::size_t most, OnEvent on_event, bool control)
    : Service("skep-events"),
      most_(most),
      on_event_(std::move(on_event)),
      control_(control),
      run_(random_hex(4)) {}

void EventStreams::attach(std::shared_ptr<control::EventFeed> feed) {
  feed->set_listener([this] { waiting_.wake_all(); });
  feed_.set(std::move(feed));
}

net::HttpResponse EventStreams::open_node(const net::HttpRequest& request) {
  return open(request, false);
}

net::HttpResponse EventStreams::open_all(const net::HttpRequest& request) {
  return open(request, control_);
}

net::HttpResponse EventStreams::open(const net::HttpRequest& request, bool durable) {
  auto wish = wish_of(request);
  if (!wish) return net::HttpResponse::problem(wish.error());
  const EventSource source = durable    ? EventSource::kControlPlane
                             : control_ ? EventSource::kControlNode
                                        : EventSource::kWorker;
  const auto feed = durable ? feed_.get() : nullptr;
  if (durable && feed == nullptr)
    return net::HttpResponse::problem(
        Error{Code::kUnavailable, "this control plane is still starting"});
  const auto kept = durable ? feed->kept() : std::vector<std::string>{};
  if (const Status kinds = check_kinds(wish->kinds, source, kept); !kinds)
    return net::HttpResponse::problem(kinds.error());
  auto seat = std::make_shared<Seat>(open_);
  if (open_ > most_)
    return net::HttpResponse::problem(
        Error{Code::kBusy, "this node serves " + std::to_string(most_) + " event streams already"});
  std::unique_ptr<EventReader::Place> place;
  if (durable) {
    auto opened = feed->open(sequence_of(*wish));
    if (!opened) return net::HttpResponse::problem(opened.error());
    place = std::move(*opened);
  }
  auto reader = std::make_shared<EventReader>(run_, waiting_, std::move(*wish), std::move(place));
  return net::HttpResponse::streaming("text/event-stream",
                                      [seat, reader] { return reader->next(); });
}

void EventStreams::run(std::stop_token stop) {
  std::uint64_t at = 0;
  while (!stop.stop_requested()) {
    const auto found = events::since(at, kAtOnce, kLookForEvents, stop);
    if (found.empty()) continue;
    at = found.back().id;
    waiting_.wake_all();
    if (!on_event_) continue;
    for (const events::Event& event : found) on_event_(event);
  }
}

}  // namespace skep::app
